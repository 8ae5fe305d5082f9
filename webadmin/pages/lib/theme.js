// Light, dark or as the system: put on before the first paint, so this is a script in the head, not a module.
(() => {
	const key = "postroom-theme";
	const apply = (theme) => {
		if (theme === "light" || theme === "dark")
			document.documentElement.dataset.theme = theme;
		else
			delete document.documentElement.dataset.theme;
	};
	window.theme = {
		get: () => localStorage.getItem(key) || "system",
		set: (theme) => {
			localStorage.setItem(key, theme);
			apply(theme);
			window.dispatchEvent(new Event("theme"));
		},
	};
	apply(window.theme.get());
})();
