/** A gate that lets one of two through. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="8" fill="#0f766e"/>
<path d="M16 5v6M16 21v6" stroke="#fff" stroke-width="3" stroke-linecap="round"/>
<path d="M5 16h20" stroke="#fff" stroke-width="3" stroke-linecap="round"/>
<path d="M20.500 11 26 16l-5.500 5" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
`;
