// Login, languages, colours, widths, the keyboard.
const main = ["", "#/users", "#/users/anna", "#/settings/smtp", "#/queue", "#/schedule", "#/services/smtp?tab=access", "#/wizard", "#/lists"];
const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };

// The contrast of every text that can be seen against what it stands on: [ratio, text] of those below what it has to be.
function pale() {
	const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const rgb = (colour) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = colour;
		canvas.fillRect(0, 0, 1, 1);
		return [...canvas.getImageData(0, 0, 1, 1).data];
	};
	const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
	const behind = (element) => {
		for (let at = element; at; at = at.parentElement) {
			const colour = rgb(getComputedStyle(at).backgroundColor);
			if (colour[3] === 255)
				return colour;
		}
		return rgb(getComputedStyle(document.documentElement).backgroundColor);
	};
	const found = [];
	for (const element of document.querySelectorAll("body *")) {
		const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(" ").trim();
		const style = getComputedStyle(element);
		if (!text || !element.checkVisibility() || element.closest(":disabled, .unseen, .skip, canvas"))
			continue;
		const [a, b] = [light(rgb(style.color)), light(behind(element))].sort((x, y) => y - x);
		const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
		if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5))
			found.push(`${((a + 0.05) / (b + 0.05)).toFixed(2)} ${text.slice(0, 40)}`);
	}
	return found;
}

async function loaded(page) {
	await page.getByRole("heading", { level: 1 }).waitFor();
	await page.waitForFunction(() => !document.querySelector("main .spinner, .table[aria-busy=true]"));
}

export const tests = {
	async "01-3.1 the form to log in: a wrong password, then the right one"(t) {
		await t.page.goto(`${t.url}/admin/index.html`);
		await t.page.waitForURL(/\/login/);
		await t.picture(t.page, "login");
		await t.page.locator("input[name=username]").fill("POSTMASTER");
		await t.page.locator("input[name=password]").fill("wrong");
		await t.page.locator("button[type=submit]").click();
		await t.page.getByRole("alert").waitFor();
		t.like(await t.page.getByRole("alert").textContent(), /user ?name or the password is wrong/i, "one sentence for every reason");
		await t.login(t.page, "POSTMASTER", t.password);
		await t.page.getByRole("heading", { name: "Dashboard" }).waitFor();
		t.ok(true, "01-3.5 the name is not case sensitive");
		await t.page.getByRole("button", { name: "postmaster" }).click();
		await t.page.getByRole("menuitem", { name: "Log out" }).click();
		await t.page.waitForURL(/\/login/);
		t.allow(/403/);
	},

	async "01-3.2 who is no administrator does not get in"(t) {
		await t.page.request.post(`${t.url}/api/v1/session`, { data: { user: "anna", password: "anna-secret" } });
		const answer = await t.page.request.get(`${t.url}/admin/index.html`, { maxRedirects: 0 });
		t.ok([303, 403].includes(answer.status()), `not to the administration (${answer.status()})`);
		for (const path of ["/users", "/settings", "/queue", "/status"])
			t.is((await t.page.request.get(`${t.url}/api/v1${path}`)).status(), 403, `02-1.4 ${path} is refused`);
	},

	async "a forgotten password: one answer for everybody"(t) {
		await t.page.goto(`${t.url}/login`);
		await t.page.getByRole("link", { name: /forgotten/i }).click();
		await t.page.getByRole("heading", { name: "Forgotten password" }).waitFor();
		await t.page.getByLabel("Username").fill("nobody-at-all");
		await t.page.getByRole("button", { name: "Send the link" }).click();
		await t.page.getByText("If there is such a user").waitFor();
		t.ok(true, "also where there is no such user");
		await t.page.goto(`${t.url}/forgotten.html?token=wrong`);
		await t.page.getByLabel("New password", { exact: true }).fill("a-new-one-1");
		await t.page.getByLabel("New password, again").fill("another-one");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.page.getByText("The two passwords differ.").waitFor();
		await t.page.getByLabel("New password, again").fill("a-new-one-1");
		await t.page.getByRole("button", { name: "Save" }).click();
		await t.page.getByRole("alert").waitFor();
		t.ok(true, "a link that is none is refused");
		t.allow(/4\d\d/);
	},

	async "languages"(t) {
		for (const [locale, title, users] of [["de-DE", "Übersicht", "Benutzer"], ["fr-FR", "Tableau de bord", "Utilisateurs"], ["es-ES", "Panel", "Usuarios"]]) {
			const page = await t.newPage({ locale });
			await t.login(page, "postmaster", t.password);
			await page.getByRole("heading", { name: title, level: 1 }).waitFor();
			t.is(await page.getByRole("link", { name: users, exact: true }).first().count(), 1, locale);
		}
	},

	async "light and dark: texts can be read everywhere"(t) {
		for (const colorScheme of ["light", "dark"]) {
			const page = await t.newPage({ colorScheme });
			await page.goto(`${t.url}/login`);
			t.is(await page.evaluate(pale), [], `${colorScheme}: login`);
			await t.login(page, "postmaster", t.password);
			for (const where of main) {
				await page.goto(`${t.url}/admin/index.html${where}`);
				await loaded(page);
				t.is(await page.evaluate(pale), [], `${colorScheme}: ${where || "#/"}`);
				await t.picture(page, `${colorScheme}-wide-${where.replace(/\W+/g, "-") || "dashboard"}`);
			}
		}
		await t.login(t.page, "postmaster", t.password);
		await t.page.getByRole("button", { name: "Light or dark" }).click();
		await t.page.getByRole("menuitem", { name: "Dark" }).click();
		await t.page.reload();
		t.is(await t.page.evaluate(() => document.documentElement.dataset.theme), "dark", "the choice is kept");
	},

	async "a phone: nothing is wider than the page"(t) {
		const page = await t.newPage(phone);
		await t.login(page, "postmaster", t.password);
		for (const where of main) {
			await page.goto(`${t.url}/admin/index.html${where}`);
			await loaded(page);
			t.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), where || "#/");
			await t.picture(page, `light-narrow-${where.replace(/\W+/g, "-") || "dashboard"}`);
		}
		await page.getByRole("button", { name: "Navigation" }).click();
		await page.getByRole("link", { name: "Users", exact: true }).first().click();
		await page.getByRole("heading", { name: "Users" }).waitFor();
		t.ok(await page.getByRole("navigation").isHidden(), "the navigation opens, and closes behind a choice");
	},

	async "the keyboard alone: from the login to a user that is added"(t) {
		const keys = t.page.keyboard;
		const focus = (text) => t.page.waitForFunction((wanted) => (document.activeElement.name || document.activeElement.textContent.trim()) === wanted, text);
		await t.page.goto(`${t.url}/login?to=/admin/index.html`);
		await focus("username");
		await keys.type("postmaster");
		await keys.press("Tab");
		await keys.type(t.password);
		await keys.press("Enter");
		await t.page.getByRole("heading", { name: "Dashboard" }).waitFor();
		const until = async (name) => {
			for (let i = 0; i < 60; i++) {
				const now = await t.page.evaluate(() => (document.activeElement.getAttribute("aria-label") || document.activeElement.textContent).trim());
				if (now === name)
					return true;
				await keys.press("Tab");
			}
			return false;
		};
		t.ok(await until("Users"), "the navigation is reached");
		await keys.press("Enter");
		await t.page.getByRole("heading", { name: "Users" }).waitFor();
		await t.page.locator(".table-row").first().waitFor();
		t.ok(await until("New user"), "the button, too");
		await keys.press("Enter");
		await t.page.getByRole("dialog").waitFor();
		await t.page.getByRole("dialog").getByLabel("Name", { exact: true }).focus();
		await keys.type("keys");
		await keys.press("Tab");
		await keys.type("keys-secret");
		await keys.press("Enter");
		await t.until(() => /"keys"/.test(t.postroom("user", "list", "--json")), "added");
		await t.page.getByRole("dialog").waitFor({ state: "detached" });
		await focus("New user");
		t.ok(true, "the focus is where it was");
		const before = await t.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
		t.is(before, "solid", "and can be seen");
	},
};
