import { PAGE_TOKEN_HEADER } from './page.tsx';

/**
 * The console's only script, for the browser: it asks for the page again every few seconds and puts in what changed. It
 * leaves alone what the reader is in (a focused link, an open disclosure), stops while the page is hidden, and says when
 * the gateway does not answer.
 */
export const LIVE_SCRIPT = `
const EVERY_MS = 5000;
const token = document.querySelector('meta[name=page-token]').content;
const control = document.getElementById('live');
const button = control.querySelector('button');
const status = control.querySelector('[role=status]');
let on = true;
let timer = 0;

function busy(part) {
  return part.contains(document.activeElement) || part.querySelector('details[open]') !== null;
}

async function refresh() {
  try {
    const response = await fetch(location.href, {
      headers: { accept: 'text/html', '${PAGE_TOKEN_HEADER}': token },
      cache: 'no-store',
    });
    if (response.status === 401) return say('Logged out. Load this page again to log in.');
    if (!response.ok) throw new Error('status ' + response.status);
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
    for (const part of document.querySelectorAll('[data-live]')) {
      const next = fresh.getElementById(part.id);
      if (next !== null && !busy(part) && next.innerHTML !== part.innerHTML) part.replaceChildren(...next.childNodes);
    }
    say('');
    document.documentElement.dataset.refreshed = String(Number(document.documentElement.dataset.refreshed ?? 0) + 1);
  } catch (error) {
    say('No answer (' + error.message + '). Trying again.');
  }
  plan();
}

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

function plan() {
  clearTimeout(timer);
  if (on && document.visibilityState === 'visible') timer = setTimeout(refresh, EVERY_MS);
}

button.addEventListener('click', () => {
  on = !on;
  button.setAttribute('aria-pressed', String(on));
  if (on) refresh();
  else plan();
});
document.addEventListener('visibilitychange', () => (document.visibilityState === 'visible' && on ? refresh() : plan()));
control.hidden = false;
plan();
`;
