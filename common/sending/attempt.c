#include "common/sending/attempt.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/sending/security.h"

enum {
	CONNECTIONS_MAX = 16,          /* tried for one message */
	ATTEMPT_LIMIT_MS = 900 * 1000, /* after which no further connection is tried */
};

/* RFC 8689 4.2.1: to try again is of no use. */
static const char encryption_needed[] = "5.7.10";

/* Why a host was left, as the recipients hear it if no other host does better. */
struct reason {
	char enhanced[12];
	struct str words;
	struct str host;
};

/* One message's way over the hosts. */
struct tour {
	struct attempt *attempt;
	struct delivery *delivery;
	struct route *route;
	struct route_host host;   /* that is tried */
	struct security security; /* of it */
	struct host_details details;
	struct arena *arena;
	struct reason reason;
	struct str used_host; /* of the connection that was there: not tried again */
	int64_t until_ms;
	int connections;
	bool answered; /* a server spoke to us */
};

static struct str where(const struct smtp_client *client, struct arena *arena)
{
	return arena_printf(arena, "%s[%s]:%u", client->host, client->conn.peer, client->conn.peer_port);
}

/* RFC 8689 section 5: reports go their way also where nobody promises anything. */
static bool requires_tls(const struct tour *tour)
{
	return tour->delivery->message.requiretls && tour->delivery->message.from.len != 0;
}

static void set_reason(struct tour *tour, const char *enhanced, struct str words, struct str host)
{
	/* As long as one host may be better tomorrow, nothing fails. */
	if (enhanced[0] == '5' && tour->reason.enhanced[0] == '4')
		return;
	str_copy(str_of(enhanced), tour->reason.enhanced, sizeof tour->reason.enhanced);
	tour->reason.words = arena_copy(tour->arena, words);
	tour->reason.host = arena_copy(tour->arena, host);
}

/* A host that could not be used; what its server said counts as its words. */
static void give_host_up(struct tour *tour, const struct route_host *host, const struct err *err)
{
	const struct smtp_reply *reply = &tour->attempt->client.reply;
	struct str words = str_of(err->text);
	const char *enhanced = "4.4.1";

	if (err->code == SMTP_CLIENT_REFUSED && smtp_reply_class(reply) >= 4) {
		words = smtp_reply_words(reply, tour->arena);
		enhanced = smtp_reply_class(reply) == 4 && reply->enhanced[0] != '\0' ? reply->enhanced : "4.3.0";
	} else if (err->code == SMTP_CLIENT_TLS || err->code == SMTP_CLIENT_LACKS) {
		enhanced = requires_tls(tour) ? encryption_needed : "4.7.5";
	} else if (err->code == ERR_CLOSED || err->code == ERR_PROTOCOL) {
		enhanced = "4.4.2";
	}
	log_info("id=%s host=%.*s:%u: %s", tour->delivery->id, STR_ARG(host->name), host->port, err->text);
	set_reason(tour, enhanced, words, host->name);
}

/* Note the result of one recipient. By MX, who was deferred stays open for the next host; the words are kept. */
static void note_result(struct tour *tour, size_t index, struct str host, struct str place)
{
	static const char *const words[] = {
	    [SMTP_DELIVERED] = "delivered", [SMTP_DEFERRED] = "deferred", [SMTP_FAILED] = "failed"};
	struct smtp_recipient *recipient = &tour->delivery->message.recipients[index];

	tour->delivery->hosts[index] = host;
	log_info("id=%s to=<%.*s> host=%.*s %s %s %.*s", tour->delivery->id, STR_ARG(recipient->address), STR_ARG(place),
	         words[recipient->outcome], recipient->enhanced, STR_ARG(recipient->words));
	if (recipient->outcome != SMTP_DEFERRED)
		return;
	set_reason(tour, recipient->enhanced, recipient->words, host);
	if (!tour->delivery->is_relay && !tour->delivery->message.in_doubt)
		recipient->outcome = SMTP_UNDECIDED;
}

/*
 * Send over the open connection, and note by whom each recipient was decided. -1: an idle connection had ended, nobody
 * is decided.
 */
static int send_here(struct tour *tour, struct err *err)
{
	struct smtp_client *client = &tour->attempt->client;
	struct smtp_message *message = &tour->delivery->message;
	struct str place = where(client, tour->arena), host = arena_copy(tour->arena, str_of(client->host));
	bool *open = arena_get(tour->arena, message->recipient_count * sizeof *open);

	for (size_t i = 0; i < message->recipient_count; i++)
		open[i] = message->recipients[i].outcome == SMTP_UNDECIDED;
	if (smtp_client_send(client, message, tour->arena, err) != 0)
		return -1;
	for (size_t i = 0; i < message->recipient_count; i++)
		if (open[i])
			note_result(tour, i, host, place);
	if (message->in_doubt)
		log_warning("id=%s host=%.*s: the end of the message was not answered, it may be sent twice",
		            tour->delivery->id, STR_ARG(place));
	return 0;
}

/* The login for the host that is tried; empty: none. */
static struct str username_of(const struct tour *tour)
{
	return tour->host.username.len != 0 ? tour->host.username : tour->route->username;
}

static bool may_go_on_in_clear(const struct tour *tour)
{
	/* A password that would have been protected is not sent without. */
	return tour->security.encryption == ROUTE_STARTTLS_IF_AVAILABLE && username_of(tour).len == 0;
}

/*
 * Everything between the greeting and the first message: EHLO, TLS, login. *again: the handshake failed, and the same
 * address may be tried without TLS.
 */
static int greet(struct tour *tour, bool without_tls, bool *again, struct err *err)
{
	const struct route *route = tour->route;
	enum route_encryption encryption = tour->security.encryption;
	struct smtp_client *client = &tour->attempt->client;
	struct sasl_client_login login;
	int result;

	*again = false;
	if (smtp_client_hello(client, err) != 0)
		return -1;
	if (encryption == ROUTE_STARTTLS || (encryption == ROUTE_STARTTLS_IF_AVAILABLE && !without_tls &&
	                                     (client->extensions.offered & SMTP_STARTTLS) != 0)) {
		if (smtp_client_start_tls(client, tour->attempt->tls, tour->security.verify, err) != 0) {
			*again = err->code == SMTP_CLIENT_TLS && may_go_on_in_clear(tour);
			if (err->code != SMTP_CLIENT_REFUSED || !client->open || client->conn.tls_active ||
			    !may_go_on_in_clear(tour))
				return -1;
		} else if (client->injected) {
			log_warning("id=%s host=%s: what stood in clear behind the answer to STARTTLS counts for nothing",
			            tour->delivery->id, client->host);
		}
	}
	if (username_of(tour).len == 0)
		return 0;
	login = (struct sasl_client_login){
	    .user = arena_text(tour->arena, username_of(tour)),
	    .secret = arena_text(tour->arena, tour->host.username.len != 0 ? tour->host.password : route->password),
	    .method = tour->host.username.len != 0 ? SASL_CLIENT_METHOD_AUTOMATIC : route->method};
	client->conn.hidden = login.secret;
	result = smtp_client_login(client, &login, err);
	client->conn.hidden = NULL;
	return result;
}

/* Every look at a certificate is logged, also where nothing depended on it. */
static void log_trust(const struct tour *tour, const struct route_host *host)
{
	static const char *const words[] = {[CONN_TRUST_NONE] = "certificate not verified",
	                                    [CONN_TRUST_CA] = "certificate verified by its CA",
	                                    [CONN_TRUST_DANE_TA] = "certificate verified by DANE-TA",
	                                    [CONN_TRUST_DANE_EE] = "certificate verified by DANE-EE"};
	const struct smtp_client *client = &tour->attempt->client;
	const char *reason;
	enum conn_trust trust = conn_tls_trust(&client->conn, &reason);

	log_info("id=%s host=%.*s[%s]:%u: %s, %s%s%s", tour->delivery->id, STR_ARG(host->name), client->conn.peer,
	         host->port, conn_tls_text(&client->conn, tour->arena), words[trust], reason[0] != '\0' ? ": " : "",
	         reason);
}

static bool is_about_tls(const struct err *err)
{
	return err->code == SMTP_CLIENT_TLS || err->code == SMTP_CLIENT_LACKS || err->code == ERR_DENIED ||
	       err->code == ERR_TEMPORARY;
}

/* failure: NULL where the session is under TLS, or goes on without it. */
static void tell_tls(struct tour *tour, const struct route_host *host, const char *address, const struct err *failure)
{
	const struct tls_story story = {tour->route, host, &tour->security, address, failure};

	if (tour->attempt->sending->tell_tls != NULL && (failure == NULL || is_about_tls(failure)))
		tour->attempt->sending->tell_tls(tour->attempt, &story, tour->arena);
}

static void begun(struct conn *conn, void *context)
{
	transcript_attach(context, conn);
}

/* Connect to one address and get as far as the first MAIL. */
static int connect_to(struct tour *tour, const struct route_host *host, struct str address, struct err *err)
{
	struct attempt *attempt = tour->attempt;
	const char *name = arena_text(tour->arena, host->name), *ip = arena_text(tour->arena, address);
	bool implicit = tour->security.encryption == ROUTE_TLS, without_tls = false, again = true;
	int result = -1;

	transcript_about(&attempt->log, attempt->sources.settings, attempt->log_name[0] != '\0' ? attempt->log_name : NULL,
	                 ip, attempt->log_messages);
	attempt->client.begun = begun;
	attempt->client.begun_context = &attempt->log;
	attempt->client.from = arena_text(tour->arena, tour->details.from);

	while (again && tour->connections < CONNECTIONS_MAX) {
		again = false;
		tour->connections++;
		result = smtp_client_connect(&attempt->client, name, ip, host->port, implicit ? attempt->tls : NULL,
		                             tour->security.verify, err);
		tour->delivery->connected |= attempt->client.reached;
		tour->answered = tour->answered || result == 0 || attempt->client.reply.code != 0;
		if (result == 0)
			result = greet(tour, without_tls, &again, err);
		if (result != 0 || (!without_tls && again))
			tell_tls(tour, host, ip, err);
		else if (!without_tls)
			tell_tls(tour, host, ip, NULL);
		if (again)
			log_info("id=%s host=%s[%s]:%u: %s; goes on without TLS", tour->delivery->id, name, ip, host->port,
			         err->text);
		without_tls = true;
	}
	attempt->client.from = NULL;
	if (result != 0)
		smtp_client_close(&attempt->client);
	else if (attempt->client.conn.tls_active)
		log_trust(tour, host);
	return result;
}

static bool is_at_its_end(const struct tour *tour)
{
	return delivery_is_decided(tour->delivery) || tour->delivery->cut_short || tour->connections >= CONNECTIONS_MAX ||
	       io_now_ms() > tour->until_ms || (tour->delivery->is_relay && tour->answered);
}

/* What this program wants otherwise, as far as nobody demands more. */
static void apply_details(struct tour *tour)
{
	const struct host_details *details = &tour->details;
	struct smtp_client *client = &tour->attempt->client;

	if (details->encryption >= 0 &&
	    (tour->security.by[0] == '\0' || details->encryption > (int)tour->security.encryption))
		tour->security.encryption = (enum route_encryption)details->encryption;
	if (details->verify >= 0 && tour->security.by[0] == '\0')
		tour->security.verify = details->verify != 0;
	if (details->helo.len != 0)
		str_copy(details->helo, client->helo, sizeof client->helo);
}

/* What the connection to a host has to be. -1: the host is not to be used. */
static int find_security(struct tour *tour, const struct route_host *host, bool secure)
{
	struct attempt *attempt = tour->attempt;
	struct err err;

	if (security_of_host(&attempt->sources, tour->route, host, secure, tour->arena, &tour->security, &err) != 0) {
		log_warning("id=%s host=%.*s:%u: %s", tour->delivery->id, STR_ARG(host->name), host->port, err.text);
		set_reason(tour, "4.7.5", str_of(err.text), host->name);
		tell_tls(tour, host, "", &err);
		return -1;
	}
	apply_details(tour);
	if (requires_tls(tour) && security_require(tour->route, host, &tour->security, &err) != 0) {
		log_warning("id=%s host=%.*s:%u: %s", tour->delivery->id, STR_ARG(host->name), host->port, err.text);
		set_reason(tour, encryption_needed, str_of(err.text), host->name);
		return -1;
	}
	attempt->is_required = requires_tls(tour);
	attempt->client.proxy = tour->route->proxy;
	attempt->client.tlsa = tour->security.tlsa;
	attempt->client.tlsa_domain = tour->security.domain;
	return 0;
}

/* Address after address, until one lets us send. */
static void try_host(struct tour *tour, const struct route_host *listed)
{
	const struct sending *sending = tour->attempt->sending;
	const struct route_host *host = &tour->host;
	struct str addresses[ROUTE_ADDRESSES_MAX];
	struct err err;
	size_t count;
	bool secure;

	tour->host = *listed;
	tour->details = (struct host_details){.encryption = -1, .verify = -1, .helo = STR(""), .from = STR("")};
	if (sending->prepare != NULL)
		sending->prepare(tour->delivery, &tour->host, &tour->details, tour->arena);
	count = route_addresses(&tour->attempt->sources, host, tour->arena, addresses, &secure, &err);

	if (count == 0 && tour->route->proxy != NULL && tour->route->proxy->version != SOCKS_4)
		addresses[count++] = host->name; /* the proxy may know more */
	if (count == 0) {
		log_info("id=%s host=%.*s:%u: %s", tour->delivery->id, STR_ARG(host->name), host->port, err.text);
		if (tour->reason.words.len == 0)
			set_reason(tour, "4.4.3", str_of(err.text), host->name);
	} else if (find_security(tour, host, secure) != 0) {
		return;
	}
	for (size_t i = 0; i < count && !is_at_its_end(tour); i++) {
		int64_t begun_ms = io_now_ms(), brief_ms = tour->delivery->brief_ms;

		if (connect_to(tour, host, addresses[i], &err) != 0) {
			give_host_up(tour, host, &err);
			tour->delivery->cut_short = brief_ms > 0 && io_now_ms() - begun_ms >= brief_ms;
			continue;
		}
		if (sending->connected != NULL)
			sending->connected(tour->delivery, tour->attempt->client.host);
		if (send_here(tour, &err) != 0)
			give_host_up(tour, host, &err);
		return;
	}
}

/* Use the connection of the message before, if it is for the same destination under the same settings. */
static void try_open_connection(struct tour *tour)
{
	struct attempt *attempt = tour->attempt;
	struct err err;

	if (!attempt->client.open)
		return;
	if (!str_equal(tour->delivery->destination, str_of(attempt->destination)) || attempt->once ||
	    attempt->generation != attempt->sources.settings->generation || (requires_tls(tour) && !attempt->is_required)) {
		smtp_client_close(&attempt->client);
		return;
	}
	if (send_here(tour, &err) == 0) {
		tour->answered = tour->delivery->connected = true;
		tour->used_host = arena_copy(tour->arena, str_of(attempt->client.host));
	}
}

static void try_route(struct tour *tour)
{
	struct attempt *attempt = tour->attempt;

	str_copy(tour->delivery->destination, attempt->destination, sizeof attempt->destination);
	str_copy(tour->route->name, attempt->relay_name, sizeof attempt->relay_name);
	attempt->generation = attempt->sources.settings->generation;
	attempt->once = tour->route->is_new || tour->route->waived; /* another message may want it better protected */
	for (size_t i = 0; i < tour->route->host_count && !is_at_its_end(tour); i++) {
		if (str_equal(tour->route->hosts[i].name, tour->used_host))
			continue;
		smtp_client_close(&attempt->client);
		try_host(tour, &tour->route->hosts[i]);
	}
}

/* Who is undecided is deferred: with what a server said about him, else with why the last host was left. */
static void defer_rest(struct tour *tour)
{
	struct smtp_message *message = &tour->delivery->message;

	if (tour->reason.words.len == 0)
		set_reason(tour, "4.4.1", STR("No server could be reached"), STR(""));
	for (size_t i = 0; i < message->recipient_count; i++)
		if (message->recipients[i].outcome == SMTP_UNDECIDED && message->recipients[i].words.len != 0)
			message->recipients[i].outcome = SMTP_DEFERRED;
	delivery_decide(tour->delivery, tour->reason.enhanced[0] == '5' ? SMTP_FAILED : SMTP_DEFERRED,
	                tour->reason.enhanced, tour->reason.words, tour->reason.host);
}

static void report_trouble(const struct attempt *attempt, const struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->message.recipient_count; i++) {
		const struct smtp_recipient *recipient = &delivery->message.recipients[i];

		if (recipient->outcome != SMTP_DEFERRED)
			continue;
		attempt->sending->report_trouble(delivery, attempt->relay_name, recipient->words);
		return;
	}
}

static int wait_ms(const struct settings *settings, enum setting setting)
{
	return (int)settings_number(settings, setting) * 1000;
}

struct smtp_timeouts attempt_timeouts(const struct settings *settings)
{
	return (struct smtp_timeouts){
	    .connect_ms = wait_ms(settings, SETTING_SENDER_CONNECT_TIMEOUT),
	    .greeting_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_GREETING),
	    .hello_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_HELLO),
	    .starttls_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_STARTTLS),
	    .auth_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_AUTH),
	    .mail_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_MAIL),
	    .rcpt_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_RCPT),
	    .data_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_DATA),
	    .data_end_ms = wait_ms(settings, SETTING_SENDER_DATA_TIMEOUT),
	    .rset_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_RSET),
	    .quit_ms = wait_ms(settings, SETTING_SENDER_TIMEOUT_QUIT),
	};
}

/* To be at the first word of a server, where others wait for the session. */
static void shorten(struct smtp_timeouts *timeouts, int64_t brief_ms)
{
	if (brief_ms > 0 && timeouts->connect_ms > brief_ms)
		timeouts->connect_ms = (int)brief_ms;
	if (brief_ms > 0 && timeouts->greeting_ms > brief_ms)
		timeouts->greeting_ms = (int)brief_ms;
}

void attempt_deliver(struct attempt *attempt, struct delivery *delivery, struct arena *arena)
{
	struct settings *settings = attempt->sources.settings;
	const char *helo = settings_text(settings, SETTING_SENDER_HELO);
	struct route route = {0};
	struct tour tour = {.attempt = attempt,
	                    .delivery = delivery,
	                    .route = &route,
	                    .arena = arena,
	                    .until_ms = io_now_ms() + ATTEMPT_LIMIT_MS};

	route.waived = security_is_waived(&delivery->message);

	attempt->client.timeouts = attempt_timeouts(settings);
	shorten(&attempt->client.timeouts, delivery->brief_ms);
	str_copy(str_of(helo[0] != '\0' ? helo : settings_host_name(settings)), attempt->client.helo,
	         sizeof attempt->client.helo);
	if (attempt->sending->begin != NULL)
		attempt->sending->begin(attempt, delivery, arena);
	try_open_connection(&tour);
	if (!is_at_its_end(&tour) && attempt->sending->find_route(&attempt->sources, delivery, arena, &route) == 0)
		try_route(&tour);
	route_wipe(&route);
	if (!delivery_is_decided(delivery))
		defer_rest(&tour);
	if (delivery->is_relay && attempt->sending->report_trouble != NULL)
		report_trouble(attempt, delivery);
}
