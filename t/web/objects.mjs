// Collections of all kinds: what is added here the command line shows, what it adds is shown here; rules change their order.
const rows = (page) => page.locator(".table-row");
const open = (page, t, where) => page.goto(`${t.url}/admin/index.html#/${where}`);
const refresh = (page) => page.getByRole("button", { name: "Refresh" }).click();

async function add(t, fields) {
	await t.page.getByRole("button", { name: "Add", exact: true }).first().click();
	const dialog = t.page.getByRole("dialog");
	for (const [label, value] of Object.entries(fields)) {
		const field = dialog.getByLabel(label, { exact: true });
		if (value === true)
			await field.check();
		else if (await field.evaluate((element) => element.tagName === "SELECT"))
			await field.selectOption(value);
		else
			await field.fill(value);
	}
	await dialog.getByRole("button", { name: "Add", exact: true }).click();
	await dialog.waitFor({ state: "detached" });
}

// [page, what is added here and how the command line shows it, what the command line adds and how that shows here]
const kinds = [
	["groups", { Name: "staff" }, ["group", "list"], /staff/, ["group", "add", "crew"], "crew"],
	["lists", { Name: "news" }, ["list", "list"], /news/, ["list", "add", "talk"], "talk"],
	["domains", { Name: "one.test" }, ["domain", "list"], /one\.test/, ["domain", "add", "two.test"], "two.test"],
	["mappings", { Pattern: "info", Target: "bob" }, ["mapping", "list"], /info/, ["mapping", "add", "help", "bob"], "help"],
	["connections", { Name: "second" }, ["connection", "list"], /second/, ["connection", "add", "third"], "third"],
	["collectors", { Name: "box" }, ["collector", "list"], /box/, ["collector", "add", "box2"], "box2"],
	["blocks", { Network: "192.0.2.1" }, ["block", "list"], /192\.0\.2\.1/, ["block", "add", "192.0.2.2"], "192.0.2.2"],
	["never-blocks", { Network: "198.51.100.0/24" }, ["never-block", "list"], /198\.51\.100/, ["never-block", "add", "203.0.113.0/24"], "203.0.113.0/24"],
	["permissions", { List: "target-black", Pattern: "*@bad.test" }, ["permission", "list"], /bad\.test/, ["permission", "add", "sender-black", "*@worse.test"], "*@worse.test"],
	["senders", { Name: "out" }, ["sender", "list"], /^out\b/m, ["sender", "add", "out2", "--method", "direct"], "out2"],
	["services", { Name: "smtp-two", Type: "smtp" }, ["service", "list"], /smtp-two/, ["service", "add", "pop3", "pop3-two"], "pop3-two"],
	["services/smtp?tab=smtp-rules", { Name: "no spam", Action: "reject", Conditions: "sender is x@spam.test" }, ["smtp-rule", "list", "--service", "smtp"], /no spam.*reject/,
		["smtp-rule", "add", "--service", "smtp", "--name", "another", "--action", "reject", "--condition", "sender is y@spam.test"], "another"],
	["download-rules", { Name: "junk", Action: "delete", Condition: "subject contains junk" }, ["download-rule", "list"], /junk.*delete/,
		["download-rule", "add", "--name", "large", "--action", "headers", "--condition", "subject contains large"], "large"],
	["schedule", { Name: "hourly", Every: "60" }, ["schedule", "list"], /hourly.*60 minutes/, ["schedule", "add", "--name", "nightly", "--once", "03:00"], "nightly"],
	["lan-verifiers", { Server: "192.0.2.9", Type: "minger" }, ["lan-verifier", "list"], /192\.0\.2\.9.*minger/, ["lan-verifier", "add", "--server", "192.0.2.10", "--type", "minger"], "192.0.2.10"],
	["autoresponders", { Name: "Closed", Text: "We are closed.\nUntil Monday." }, ["autoresponder", "list"], /Closed/, ["autoresponder", "add", "--name", "Moved", "--text", "x"], "Moved"],
	["prune", { Folder: "Old", Age: "30" }, ["prune", "list"], /Old\s+30/, ["prune", "add", "--folder", "Older", "--age", "60"], "Older"],
	["groups/staff", { User: "anna" }, ["group", "members", "staff"], /anna/, ["group", "add-member", "staff", "bob"], "bob"],
	["users/anna?tab=rules", { Name: "keep", Action: "stop" }, ["user", "rule", "list", "anna"], /keep/, ["user", "rule", "add", "anna", "--name", "more", "--action", "stop"], "more"],
	["users/anna?tab=prune", { Folder: "Mine", Age: "7" }, ["user", "prune", "list", "anna"], /Mine\s+7/, ["user", "prune", "add", "anna", "--folder", "Yours", "--age", "9"], "Yours"],
	["users/anna?tab=aliases", { Pattern: "annie" }, ["mapping", "list"], /annie\s+anna/, ["mapping", "add", "anni", "anna"], "anni"],
	["users/anna?tab=permissions", { List: "target-white", Pattern: "x@good.test", User: "anna" }, ["permission", "list"], /good\.test/,
		["permission", "add", "target-white", "y@good.test", "--user", "anna"], "y@good.test"],
	["lan-rules", { Address: "*@lan.test", Server: "192.0.2.9" }, ["lan-rule", "list"], /lan\.test/, null],
	["access/global", { Restrict: "block", Address: "192.0.2.7" }, ["access", "list", "--list", "global"], /192\.0\.2\.7/, null],
];

// [page, the row, the field, its new value, how the command line shows it]
const changes = [
	["mappings", "info", "Target", "anna", ["mapping", "list"], /info\s+anna/],
	["schedule", "hourly", "Every", "45", ["schedule", "list"], /hourly.*45 minutes/],
	["lan-rules", "*@lan.test", "Server", "192.0.2.77", ["lan-rule", "list"], /192\.0\.2\.77/],
	["download-rules", "junk", "Name", "rubbish", ["download-rule", "list"], /rubbish.*delete/],
	["autoresponders", "Closed", "Subject", "We are closed", ["autoresponder", "show", "1"], /We are closed/],
	["prune", "Old", "Age", "31", ["prune", "list"], /Old\s+31/],
	["lan-verifiers", "192.0.2.9", "Type", "call-forward", ["lan-verifier", "list"], /192\.0\.2\.9.*call-forward/],
	["services/smtp?tab=smtp-rules", "no spam", "Name", "no more spam", ["smtp-rule", "list", "--service", "smtp"], /no more spam/],
	["users/anna?tab=rules", "keep", "Name", "kept", ["user", "rule", "list", "anna"], /kept/],
];

export const tests = {
	async "what is added here the command line shows, and the other way"(t) {
		await t.login(t.page, "postmaster", t.password);
		for (const [where, fields, show, expression, command, name] of kinds) {
			await open(t.page, t, where);
			await add(t, fields);
			t.like(t.postroom(...show), expression, `${where}: seen by the command line`);
			if (command) {
				t.postroom(...command);
				await refresh(t.page);
				await rows(t.page).getByText(name, { exact: true }).first().waitFor();
				t.ok(true, `${where}: the command line's is seen here`);
			}
		}
	},

	async "what is changed here the command line shows"(t) {
		await t.login(t.page, "postmaster", t.password);
		for (const [where, name, label, value, show, expression] of changes) {
			await open(t.page, t, where);
			await rows(t.page).filter({ has: t.page.getByText(name, { exact: true }) }).first().dblclick();
			const dialog = t.page.getByRole("dialog");
			await dialog.getByLabel(label, { exact: true }).fill(value);
			await dialog.getByRole("button", { name: "Save" }).click();
			await dialog.waitFor({ state: "detached" });
			t.like(t.postroom(...show), expression, `${where}: ${label} is changed`);
		}
	},

	async "what is deleted here is gone, says the command line"(t) {
		await t.login(t.page, "postmaster", t.password);
		for (const [where, , show, , command, name] of kinds.filter(([, , , , command]) => command)) {
			await open(t.page, t, where);
			await rows(t.page).filter({ has: t.page.getByText(name, { exact: true }) }).first().getByRole("checkbox").click();
			await t.page.getByRole("button", { name: "Delete", exact: true }).first().click();
			await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
			await t.page.getByRole("dialog").waitFor({ state: "detached" });
			const gone = new RegExp(`^(\\d+\\s+)?(.*\\s)?${name.replace(/[.*/]/g, "\\$&")}(\\s|$)`, "m");
			await t.until(() => !gone.test(t.postroom(...show)), `${where}: ${name} is gone`);
		}
	},

	async "members of a list"(t) {
		await t.login(t.page, "postmaster", t.password);
		await open(t.page, t, "lists/news");
		await add(t, { Addresses: "anna\nx@far.test" });
		t.like(t.postroom("list", "member", "list", "news"), /anna/, "seen by the command line");
		await rows(t.page).getByText("x@far.test").click();
		await t.page.getByRole("button", { name: "Delete" }).click();
		await t.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
		await t.until(async () => await rows(t.page).count() === 1, "one is removed");
	},

	async "settings of a list, a connection, a service"(t) {
		await t.login(t.page, "postmaster", t.password);
		for (const [where, key] of [["lists/news?tab=settings", "comment"], ["connections/second", "connect-command"]]) {
			await open(t.page, t, where);
			const field = t.page.locator(".field", { has: t.page.getByText(key, { exact: true }) }).locator("input, textarea");
			await field.fill("/bin/true");
			await t.page.getByRole("button", { name: "Save" }).click();
			await t.page.getByText("Saved.").first().waitFor();
			await t.page.reload();
			await t.until(async () => await field.inputValue() === "/bin/true", `${where}: kept`);
		}
	},

	async "rules change their order by keyboard and by drag"(t) {
		await t.login(t.page, "postmaster", t.password);
		await open(t.page, t, "lan-rules");
		for (const domain of ["two.test", "three.test"])
			await add(t, { Address: `*@${domain}`, Server: "192.0.2.9" });
		const order = () => [...t.postroom("lan-rule", "list").matchAll(/\*@(\w+)\.test/g)].map((found) => found[1]).join();
		t.is(order(), "lan,two,three", "as they were added");
		await rows(t.page).nth(2).click();
		await t.page.keyboard.press("Alt+ArrowUp");
		await t.until(() => order() === "lan,three,two", "Alt and an arrow move a row");
		await rows(t.page).nth(2).waitFor();
		await rows(t.page).nth(2).dragTo(rows(t.page).nth(0));
		await t.until(() => order() === "two,lan,three", "so does the mouse");
	},

	async "where a service listens, and who may use it"(t) {
		await t.login(t.page, "postmaster", t.password);
		await open(t.page, t, "services/pop3?tab=access");
		await t.page.getByRole("tab", { name: "Access", selected: true }).waitFor();
		await add(t, { Restrict: "allow", Address: "192.0.2.55" });
		t.like(t.postroom("access", "list", "--list", "pop3"), /192\.0\.2\.55/, "the access list has the rule");
	},
};
