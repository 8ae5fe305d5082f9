#include "policyd/policyd.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/mailauth/dmarc/row.h"
#include "common/mailauth/tlsrpt/tlsrpt.h"

#include <stdlib.h>

enum { EVENTS_LISTED = 100, EVENTS_LISTED_MAX = 100000, MINUTE_MS = 60 * 1000, REASON_MAX = 64, BLOCK_MINUTES = 30 };

static int read_network(const struct request *request, struct cidr *network, struct err *err)
{
	return cidr_parse(ipc_get(request->message, "network"), network, NULL, err);
}

void requests_add_object(const struct request *request, const char *key, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	ipc_add_text(request->reply, key, text);
	free(text);
	json_decref(object);
}

/* From statusd: what clients did. What is no record was none when it was sent, and will be none again. */
/* A session wants its client blocked: address, TAB, minutes. What comes twice is one block. */
static int take_block(const struct request *request, struct str line, struct err *err)
{
	struct str peer = str_cut(&line, '\t');
	struct cidr key;
	uint64_t minutes;

	if (!str_to_u64(line, MINUTES_MAX, &minutes) || minutes == 0) {
		log_error("was sent what is no block of %.*s", STR_ARG(peer));
		return 0;
	}
	if (!policy_key(peer, &key) || blocks_never(request->policyd, &key))
		return 0;
	return blocks_add(request->policyd, &key, request->now, request->now + (int64_t)minutes * MINUTE_MS, STR("rule"),
	                  err);
}

static int take_events(const struct request *request, struct err *err)
{
	struct policy_record record;
	struct str key, value;
	size_t position = 0;

	while (ipc_next(request->message, &position, &key, &value)) {
		if (str_equal(key, STR("op")))
			continue;
		if (str_equal(key, STR("block"))) {
			if (take_block(request, value, err) != 0)
				return -1;
			continue;
		}
		if (!str_equal(key, STR("event")) || !policy_record_parse(value, &record) || record.number >= POLICY_EVENTS)
			log_error("was sent what is no event: %.*s=%.*s", STR_ARG(key), STR_ARG(value));
		else if (events_add(request->policyd, &record, err) != 0)
			return -1;
	}
	return 0;
}

static int connect_client(const struct request *request, struct err *err)
{
	struct cidr key;
	bool blocked = false;

	if (policy_key(ipc_get(request->message, "peer"), &key) &&
	    judge_connect(request->policyd, &key, request->now, &blocked, err) != 0)
		return -1;
	ipc_add_number(request->reply, "blocked", blocked);
	return 0;
}

static int ask_greylist(const struct request *request, struct err *err)
{
	struct grey_attempt attempt = {
	    .sender = str_sub(ipc_get(request->message, "from"), 0, POLICY_DATA_MAX),
	    .recipient = str_sub(ipc_get(request->message, "to"), 0, POLICY_DATA_MAX),
	    .now = request->now,
	};
	int64_t seconds = 0;
	struct cidr key;
	bool pass = true;

	ipc_get_number(request->message, "wait", 0, DAY_MS / 1000, &seconds);
	attempt.wait_ms = seconds * 1000;
	if (policy_key(ipc_get(request->message, "peer"), &key) &&
	    greylist_ask(request->policyd, &key, &attempt, &pass, err) != 0)
		return -1;
	ipc_add_number(request->reply, "pass", pass);
	return 0;
}

static int list_blocks(const struct request *request, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&request->policyd->db, &query,
	               "SELECT network, added, expires, reason FROM block WHERE removed = 0 AND expires > ? ORDER BY added",
	               err) != 0)
		return -1;
	db_bind_number(&query, 1, request->now);
	while ((row = db_step(&query, err)) == 1)
		requests_add_object(request, "block",
		                    json_pack("{s:s%, s:I, s:I, s:s%}", "network", db_text(&query, 0).data,
		                              db_text(&query, 0).len, "added", (json_int_t)(db_number(&query, 1) / 1000),
		                              "expires", (json_int_t)(db_number(&query, 2) / 1000), "reason",
		                              db_text(&query, 3).data, db_text(&query, 3).len));
	db_finalize(&query);
	return row;
}

static int add_block(const struct request *request, struct err *err)
{
	struct str by = ipc_get(request->message, "by");
	struct cidr network;
	int64_t minutes = BLOCK_MINUTES;

	if (read_network(request, &network, err) != 0)
		return -1;
	if (ipc_get(request->message, "minutes").data != NULL &&
	    !ipc_get_number(request->message, "minutes", 1, MINUTES_MAX, &minutes))
		return err_set(err, ERR_LIMIT, "the period is 1 to %d minutes", MINUTES_MAX);
	if (by.len == 0)
		by = STR("administrator");
	if (by.len > REASON_MAX || !str_is_utf8(by))
		return err_set(err, ERR_SYNTAX, "who blocks has a name of 1 to %d bytes", REASON_MAX);
	return blocks_add(request->policyd, &network, request->now, request->now + minutes * MINUTE_MS, by, err);
}

static int delete_block(const struct request *request, struct err *err)
{
	struct cidr network;

	if (read_network(request, &network, err) != 0 || blocks_delete(request->policyd, &network, request->now, err) != 0)
		return -1;
	known_rebuild(request->policyd);
	return 0;
}

static int list_nevers(const struct request *request, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&request->policyd->db, &query, "SELECT network, added FROM never ORDER BY added, network", err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1)
		requests_add_object(request, "never",
		                    json_pack("{s:s%, s:I}", "network", db_text(&query, 0).data, db_text(&query, 0).len,
		                              "added", (json_int_t)(db_number(&query, 1) / 1000)));
	db_finalize(&query);
	return row;
}

static int add_never(const struct request *request, struct err *err)
{
	struct cidr network;

	if (read_network(request, &network, err) != 0 ||
	    blocks_never_add(request->policyd, &network, request->now, err) != 0)
		return -1;
	known_rebuild(request->policyd);
	return 0;
}

static int delete_never(const struct request *request, struct err *err)
{
	struct cidr network;

	return read_network(request, &network, err) != 0 || blocks_never_delete(request->policyd, &network, err) != 0 ? -1
	                                                                                                              : 0;
}

/* The latest events, newest first: of all, or of a network's addresses. */
static int list_events(const struct request *request, struct err *err)
{
	struct str network_text = ipc_get(request->message, "network");
	int64_t limit = EVENTS_LISTED, since = 0;
	struct cidr network, address;
	struct db_statement query;
	int row = 0;

	ipc_get_number(request->message, "limit", 1, EVENTS_LISTED_MAX, &limit);
	ipc_get_number(request->message, "since", 0, INT64_MAX, &since);
	if (network_text.len > 0 && read_network(request, &network, err) != 0)
		return -1;
	if (db_prepare(&request->policyd->db, &query,
	               "SELECT address, time, number, service, data, ignored FROM event WHERE time > ? ORDER BY id DESC",
	               err) != 0)
		return -1;
	db_bind_number(&query, 1, since);
	while (limit > 0 && (row = db_step(&query, err)) == 1) {
		if (network_text.len > 0 &&
		    (cidr_parse(db_text(&query, 0), &address, NULL, NULL) != 0 || !cidr_holds(&network, &address)))
			continue;
		limit--;
		requests_add_object(request, "event",
		                    json_pack("{s:s%, s:I, s:I, s:s, s:s%, s:s%, s:b}", "client", db_text(&query, 0).data,
		                              db_text(&query, 0).len, "time", (json_int_t)(db_number(&query, 1) / 1000),
		                              "number", (json_int_t)db_number(&query, 2), "event",
		                              policy_event_text(db_number(&query, 2)), "service", db_text(&query, 3).data,
		                              db_text(&query, 3).len, "data", db_text(&query, 4).data, db_text(&query, 4).len,
		                              "ignored", (int)db_number(&query, 5)));
		row = 0;
	}
	db_finalize(&query);
	return row;
}

/* From smtpd: what a message says of the domain that stands behind it, or not. */
static int add_dmarc(const struct request *request, struct err *err)
{
	struct str domain = ipc_get(request->message, "domain"), row = ipc_get(request->message, "row");

	if (domain.len == 0 || domain.len > ADDR_DOMAIN_MAX || row.len == 0 || row.len > DMARC_ROW_MAX)
		return err_set(err, ERR_PROTOCOL, "dmarc needs domain and row");
	return reports_add(request->policyd, REPORTS_DMARC, request->now / DAY_MS, domain, row, err);
}

/* From sender: how TLS went on the way to one of a domain's servers. */
static int add_tls(const struct request *request, struct err *err)
{
	struct str domain = ipc_get(request->message, "domain"), row = ipc_get(request->message, "row");

	if (domain.len == 0 || domain.len > ADDR_DOMAIN_MAX || row.len == 0 || row.len > TLSRPT_ROW_MAX)
		return err_set(err, ERR_PROTOCOL, "tls-result needs domain and row");
	return reports_add(request->policyd, REPORTS_TLS, request->now / DAY_MS, domain, row, err);
}

/* The same requests are there for both, by names that begin with which. */
static enum reports kind_of(const struct request *request)
{
	return str_starts(ipc_get(request->message, "op"), STR("tls-")) ? REPORTS_TLS : REPORTS_DMARC;
}

static int read_day(const struct request *request, int64_t *day, struct err *err)
{
	return ipc_get_number(request->message, "day", 0, INT32_MAX, day) ? 0 : err_set(err, ERR_PROTOCOL, "which day?");
}

static void add_report_domain(struct str domain, int64_t messages, int64_t rows, bool sent, void *context)
{
	const struct request *request = context;

	ipc_add(request->reply, "domain", domain);
	ipc_add_number(request->reply, "messages", messages);
	ipc_add_number(request->reply, "rows", rows);
	ipc_add_number(request->reply, "sent", sent);
}

static void add_report_row(struct str row, int64_t count, void *context)
{
	const struct request *request = context;

	ipc_add(request->reply, "row", row);
	ipc_add_number(request->reply, "count", count);
}

static int list_report_domains(const struct request *request, struct err *err)
{
	int64_t day;

	if (read_day(request, &day, err) != 0)
		return -1;
	return reports_each_domain(request->policyd, kind_of(request), day, add_report_domain, (void *)(uintptr_t)request,
	                           err);
}

static int list_report_rows(const struct request *request, struct err *err)
{
	int64_t day;

	if (read_day(request, &day, err) != 0)
		return -1;
	return reports_each_row(request->policyd, kind_of(request), day, ipc_get(request->message, "domain"),
	                        add_report_row, (void *)(uintptr_t)request, err);
}

static int set_report_sent(const struct request *request, struct err *err)
{
	int64_t day;

	if (read_day(request, &day, err) != 0)
		return -1;
	return reports_set_sent(request->policyd, kind_of(request), day, ipc_get(request->message, "domain"), err);
}

static const struct {
	const char *caller; /* NULL: any but the administrator */
	const char *op;
	int (*run)(const struct request *request, struct err *err);
} operations[] = {
    {"smtpd", "send-ask", sent_request_ask},
    {"smtpd", "send-take", sent_request_take},
    {"postroom", "send-usage", sent_request_usage},
    {"smtpd", "collect", collected_request_add},
    {"postroom", "collected-list", collected_request_list},
    {"postroom", "collected-delete", collected_request_delete},
    {"postroom", "collected-purge", collected_request_purge},
    {"postroom", "contact-list", contacts_request_list},
    {"postroom", "contact-put", contacts_request_put},
    {"postroom", "contact-delete", contacts_request_delete},
    {"postroom", "domain-contact-put", contacts_request_domain_put},
    {"postroom", "domain-contact-delete", contacts_request_domain_delete},
    {NULL, "connect", connect_client},
    {"smtpd", "greylist", ask_greylist},
    {"statusd", "events", take_events},
    {"postroom", "block-list", list_blocks},
    {"postroom", "block-add", add_block},
    {"postroom", "block-delete", delete_block},
    {"postroom", "never-list", list_nevers},
    {"postroom", "never-add", add_never},
    {"postroom", "never-delete", delete_never},
    {"postroom", "events", list_events},
    {"smtpd", "dmarc", add_dmarc},
    {"reporter", "dmarc-domains", list_report_domains},
    {"reporter", "dmarc-rows", list_report_rows},
    {"reporter", "dmarc-sent", set_report_sent},
    {"sender", "tls-result", add_tls},
    {"reporter", "tls-domains", list_report_domains},
    {"reporter", "tls-rows", list_report_rows},
    {"reporter", "tls-sent", set_report_sent},
};

static int run(const struct request *request, const char *caller, struct err *err)
{
	struct str op = ipc_get(request->message, "op");

	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		if (str_equal(op, str_of(operations[i].op)) &&
		    (operations[i].caller == NULL ? strcmp(caller, "postroom") != 0
		                                  : strcmp(operations[i].caller, caller) == 0))
			return operations[i].run(request, err);
	return err_set(err, ERR_PROTOCOL, "%s cannot ask for %.*s", caller, STR_ARG(op));
}

void requests_take(struct ipc_incoming *incoming, void *context)
{
	struct ipc_message reply;
	struct request request = {context, &incoming->message, &reply, policyd_time()};
	struct err err;

	if (settings_refresh(&request.policyd->settings))
		known_rebuild(request.policyd); /* what weighs nothing may weigh something now */
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (run(&request, incoming->caller, &err) == 0) {
		ipc_answer(incoming, &reply);
	} else {
		if (err.code == ERR_SYSTEM || err.code == ERR_CORRUPT || err.code == ERR_TEMPORARY)
			log_error("%s", err.text);
		ipc_answer_error(incoming, &err);
	}
	ipc_message_free(&reply);
}
