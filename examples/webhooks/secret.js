/** What sender and receiver share. In earnest it is a secret. */
export const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD';
