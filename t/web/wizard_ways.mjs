// The setup wizard's other ways out: given the answers of its pages, it is walked through to the end.
import { next, walk } from "./wizard.mjs";

export const tests = {
	async "the wizard is finished"(t) {
		await t.login(t.page, "postmaster", t.password);
		await t.page.goto(`${t.url}/admin/index.html#/wizard`);
		await walk(t.page, t.given);
		await next(t.page);
		await t.page.getByRole("button", { name: "Finish" }).click();
		await t.page.getByRole("heading", { name: "Dashboard" }).waitFor();
		t.ok(true, "it is made");
	},
};
