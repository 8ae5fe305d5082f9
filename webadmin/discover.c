/*
 * What mail clients ask for, to set themselves up, and browsers, to change a password.
 *
 * Thunderbird and others: https://wiki.mozilla.org/Thunderbird:Autoconfiguration. Outlook: [MS-OXDSCLI] 3.1.5, "plain
 * old XML". Both are told the first bindings of the services that are enabled, TLS from the first octet before
 * STARTTLS.
 */
#include "common/addr/addr.h"
#include "webadmin/exchange.h"
#include "webadmin/routes.h"

enum { ANSWER_MAX = 64 * 1024 };

/* One service as clients are told it; in the order of the answer. */
static const struct kind {
	const char *type;
	bool submission;
	enum service_encryption encryption;
	const char *mozilla, *mozilla_security; /* socketType */
	const char *outlook, *outlook_security;
} kinds[] = {
    {"imap", false, SERVICE_TLS, "imap", "SSL", "IMAP", "SSL"},
    {"imap", false, SERVICE_OPTIONAL, "imap", "STARTTLS", "IMAP", "TLS"},
    {"pop3", false, SERVICE_TLS, "pop3", "SSL", "POP3", "SSL"},
    {"pop3", false, SERVICE_OPTIONAL, "pop3", "STARTTLS", "POP3", "TLS"},
    {"smtp", true, SERVICE_TLS, "smtp", "SSL", "SMTP", "SSL"},
    {"smtp", true, SERVICE_OPTIONAL, "smtp", "STARTTLS", "SMTP", "TLS"},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static bool is_submission(const struct service *service)
{
	for (size_t i = 0; i < service->value_count; i++)
		if (service->values[i].setting == SETTING_SMTP_SUBMISSION)
			return service->values[i].number != 0;
	return false;
}

static bool is_of(const struct service *service, const struct kind *kind)
{
	enum service_encryption encryption =
	    service->encryption == SERVICE_REQUIRED ? SERVICE_OPTIONAL : service->encryption;

	return service->enabled && service->binding_count > 0 && strcmp(service->type, kind->type) == 0 &&
	       encryption == kind->encryption && (!kind->submission || is_submission(service));
}

/* The port of the first service of a kind; 0: there is none. */
static unsigned port_of(const struct web *web, const struct kind *kind)
{
	const struct services *services = &web->settings->services;

	for (size_t i = 0; i < services->count; i++)
		if (is_of(&services->list[i], kind))
			return services->list[i].bindings[0].port + web->instance->port_offset;
	return 0;
}

/* The domain of the address that is to be set up, if it is one; else ours. */
static struct str domain_of(const struct web *web, struct str address, struct arena *arena)
{
	struct str domain = str_skip(address, (size_t)(str_find_last_char(address, '@') + 1));
	struct err err;

	if (address.len == 0 || !addr_is_domain(domain) || addr_normalise_domain(domain, arena, &domain, &err) != 0)
		return str_of(settings_default_domain(web->settings));
	return domain;
}

static void reply_xml(struct web_reply *reply, const struct buf *xml)
{
	web_reply_text(reply, 200, "text/xml; charset=utf-8", buf_str(xml));
}

static void get_autoconfig(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct str address = web_query(request, "emailaddress"), domain = domain_of(web, address, request->arena);
	const char *host = settings_host_name(web->settings);
	struct buf xml;

	buf_init(&xml, ANSWER_MAX);
	buf_printf(&xml,
	           "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n"
	           " <emailProvider id=\"%.*s\">\n  <domain>%.*s</domain>\n  <displayName>%.*s</displayName>\n"
	           "  <displayShortName>%.*s</displayShortName>\n",
	           STR_ARG(domain), STR_ARG(domain), STR_ARG(domain), STR_ARG(domain));
	for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
		const char *element = kind->submission ? "outgoingServer" : "incomingServer";
		unsigned port = port_of(web, kind);

		if (port != 0)
			buf_printf(&xml,
			           "  <%s type=\"%s\">\n   <hostname>%s</hostname>\n   <port>%u</port>\n"
			           "   <socketType>%s</socketType>\n   <authentication>password-cleartext</authentication>\n"
			           "   <username>%s</username>\n  </%s>\n",
			           element, kind->mozilla, host, port, kind->mozilla_security,
			           settings_flag(web->settings, SETTING_LOGIN_FULL_ADDRESS) ? "%EMAILADDRESS%" : "%EMAILLOCALPART%",
			           element);
	}
	buf_add_str(&xml, STR(" </emailProvider>\n</clientConfig>\n"));
	reply_xml(reply, &xml);
	buf_free(&xml);
}

/* The text of the first element of that name; entities are left as they are. Empty: there is none. */
static struct str element_of(struct str xml, struct str start, struct str end)
{
	ptrdiff_t at = str_find(xml, start);
	struct str rest = at >= 0 ? str_skip(xml, (size_t)at + start.len) : STR("");
	ptrdiff_t until = str_find(rest, end);

	return until > 0 ? str_trim(str_sub(rest, 0, (size_t)until)) : STR("");
}

static void post_autodiscover(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct str address = element_of(request->body, STR("<EMailAddress>"), STR("</EMailAddress>"));
	ptrdiff_t at = str_find_last_char(address, '@');
	struct str login = address;
	struct buf xml;

	if (at <= 0 || address.len > 320 || !str_is_utf8(address)) {
		web_reply_error(reply, 400, "syntax", "There is no EMailAddress in this request");
		return;
	}
	if (!settings_flag(web->settings, SETTING_LOGIN_FULL_ADDRESS))
		login = str_sub(address, 0, (size_t)at);
	login = web_escape(request->arena, login);
	buf_init(&xml, ANSWER_MAX);
	buf_add_str(&xml,
	            STR("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
	                "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n"
	                " <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
	                "responseschema/2006a\">\n  <Account>\n   <AccountType>email</AccountType>\n"
	                "   <Action>settings</Action>\n"));
	for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
		unsigned port = port_of(web, kind);

		if (port != 0)
			buf_printf(&xml,
			           "   <Protocol>\n    <Type>%s</Type>\n    <Server>%s</Server>\n    <Port>%u</Port>\n"
			           "    <LoginName>%.*s</LoginName>\n    <SPA>off</SPA>\n    <SSL>on</SSL>\n"
			           "    <Encryption>%s</Encryption>\n    <AuthRequired>on</AuthRequired>\n   </Protocol>\n",
			           kind->outlook, settings_host_name(web->settings), port, STR_ARG(login), kind->outlook_security);
	}
	buf_add_str(&xml, STR("  </Account>\n </Response>\n</Autodiscover>\n"));
	reply_xml(reply, &xml);
	buf_free(&xml);
}

/* https://w3c.github.io/webappsec-change-password-url/ */
static void get_change_password(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	(void)web, (void)request;
	web_reply_redirect(reply, STR("/mail/index.html#/password"));
}

static const struct web_route routes[] = {
    {"GET", "/mail/config-v1.1.xml", WEB_OPEN, get_autoconfig, "Settings for mail clients", NULL},
    {"GET", "/.well-known/autoconfig/mail/config-v1.1.xml", WEB_OPEN, get_autoconfig, "Settings for mail clients",
     NULL},
    {"POST", "/autodiscover/autodiscover.xml", WEB_OPEN, post_autodiscover, "Settings for Outlook", NULL},
    {"POST", "/Autodiscover/Autodiscover.xml", WEB_OPEN, post_autodiscover, "Settings for Outlook", NULL},
    {"GET", "/.well-known/change-password", WEB_OPEN | WEB_PAGE, get_change_password, "Where passwords are changed",
     NULL},
};

static const struct web_route *discover_routes(size_t *count_out)
{
	*count_out = sizeof routes / sizeof routes[0];
	return routes;
}

const struct web_part discover_part = {.routes = discover_routes};
