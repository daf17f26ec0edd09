// Light, dark, or as the system has it; remembered where the browser lets a page from disk remember.
import { useState } from 'preact/hooks';

type Theme = 'auto' | 'light' | 'dark';
const order: Theme[] = ['auto', 'light', 'dark'];
const key = 'vigil-theme';

function remembered(): Theme {
  try {
    const theme = localStorage.getItem(key) as Theme | null;
    return theme !== null && order.includes(theme) ? theme : 'auto';
  } catch {
    return 'auto';
  }
}

export function applyTheme(theme: Theme = remembered()): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function ThemeButton() {
  const [theme, setTheme] = useState(remembered);
  const next = order[(order.indexOf(theme) + 1) % order.length];
  const click = () => {
    setTheme(next);
    applyTheme(next);
    try {
      localStorage.setItem(key, next);
    } catch {
      // then it lasts as long as the page
    }
  };
  return (
    <button type="button" class="small" onClick={click} title={`Colours: ${theme}. Click for ${next}.`}>
      Colours: {theme}
    </button>
  );
}
