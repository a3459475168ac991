/** @module The console's script, as text: it runs in the operator's browser. Runs in: the Worker. */

import { PAGE_TOKEN_HEADER } from './page.tsx';

/** How often a page in view is loaded again. Each time costs one call to each ledger object. */
export const REFRESH_MS = 10_000;

/**
 * The console's only script, for the browser. It shows times in the reader's zone, and copies. It loads a
 * live page again every few seconds and puts in what changed. It leaves alone what the reader uses (a focused
 * link, an open disclosure), stops while the page is hidden, and says when the gateway does not answer.
 */
export const LIVE_SCRIPT = `
const day = new Intl.DateTimeFormat('sv', { dateStyle: 'short' });
const clock = new Intl.DateTimeFormat('sv', { timeStyle: 'medium' });
const minutes = new Intl.DateTimeFormat('sv', { timeStyle: 'short' });

/** The Swedish way of writing times is that of ISO 8601, in the reader's zone. */
function localize(part) {
  for (const time of part.querySelectorAll('time.clock')) {
    const at = new Date(time.dateTime);
    time.textContent = (day.format(at) === day.format(new Date()) ? '' : day.format(at) + ' ') + clock.format(at);
  }
  for (const label of part.querySelectorAll('.clock[data-at]')) label.textContent = minutes.format(new Date(label.dataset.at));
}

function showCopyButtons(part) {
  if (navigator.clipboard === undefined) return;
  for (const button of part.querySelectorAll('button.copy')) button.hidden = false;
}

localize(document);
showCopyButtons(document);
const zone = document.getElementById('zone');
if (zone !== null) zone.textContent = 'in ' + clock.resolvedOptions().timeZone;

document.addEventListener('click', async (event) => {
  const button = event.target.closest('button.copy');
  if (button === null) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = 'Copied';
  setTimeout(() => { button.textContent = 'Copy'; }, 2000);
});

const control = document.getElementById('live');
if (control !== null) keepLive(control);

function keepLive(control) {
  const EVERY_MS = ${REFRESH_MS};
  const token = document.querySelector('meta[name=page-token]').content;
  const button = control.querySelector('button');
  const status = control.querySelector('[role=status]');
  let on = true;
  let timer = 0;
  let lastAt = Date.now();

  function busy(part) {
    return part.contains(document.activeElement) || part.querySelector('details[open]') !== null;
  }

  async function refresh() {
    lastAt = Date.now();
    try {
      const response = await fetch(location.href, {
        headers: { accept: 'text/html', '${PAGE_TOKEN_HEADER}': token },
        cache: 'no-store',
      });
      if (response.status === 401) return say('Logged out. Load this page again to log in.');
      if (!response.ok) throw new Error('status ' + response.status);
      const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
      localize(fresh);
      showCopyButtons(fresh);
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

  /** Never sooner than its time, however often somebody looks away and back. */
  function plan() {
    clearTimeout(timer);
    if (!on || document.visibilityState !== 'visible') return;
    timer = setTimeout(refresh, Math.max(0, lastAt + EVERY_MS - Date.now()));
  }

  button.addEventListener('click', () => {
    on = !on;
    button.setAttribute('aria-pressed', String(on));
    plan();
  });
  document.addEventListener('visibilitychange', plan);
  control.hidden = false;
  plan();
}
`;
