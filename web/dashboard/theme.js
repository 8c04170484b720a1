// Before the page is painted: the theme that was chosen here last. Without one, the system's.
(() => {
  const theme = localStorage.getItem('landlord.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
})();
