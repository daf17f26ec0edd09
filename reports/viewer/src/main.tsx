// Takes the static form's place. When anything fails before the first drawing (an old browser, say), the static form stays.
import { render } from 'preact';
import { App } from './app';
import { load } from './data';
import { applyTheme } from './theme';

applyTheme();
void load().then(() => {
  const root = document.createElement('div');
  render(<App />, root);
  document.getElementById('static')!.replaceWith(root);
});
