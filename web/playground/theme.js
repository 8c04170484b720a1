// Before the page is painted: the theme that was chosen here last, for the dashboard and the playground alike. Without one, the system's.
(() => {
  let theme = null;
  try { theme = localStorage.getItem('landlord.theme'); } catch { /* No storage: the system's. */ }
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
