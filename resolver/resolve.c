#include "resolver/walk.h"

#include "common/addr/addr.h"
#include "common/addr/pattern.h"
#include "common/addr/smtp_target.h"
#include "common/mailauth/srs/srs.h"
#include "common/settings/list_settings.h"
#include "resolver/permitted.h"

#include <time.h>

static const char nested_too_deep[] = "Error expanding recipient - nesting level too deep";

/* An address while its steps are taken. */
struct place {
	struct walk walk;
	struct addr addr; /* domain is normalised */
	bool is_local;
	bool is_decided; /* a step said something */
};

int resolver_open(struct resolver *resolver, struct settings *settings, struct err *err)
{
	collected_init(&resolver->collected);
	return snapshot_open(&resolver->snapshot, settings, err);
}

void resolver_close(struct resolver *resolver)
{
	snapshot_close(&resolver->snapshot);
	collected_free(&resolver->collected);
}

int resolver_refresh(struct resolver *resolver, struct err *err)
{
	return snapshot_refresh(&resolver->snapshot, err);
}

/* The parser's own codes mean nothing to who asks over a channel. */
static int syntax_error(struct err *err)
{
	err->code = ERR_SYNTAX;
	return -1;
}

static const struct settings *settings_of(const struct place *place)
{
	return place->walk.resolver->snapshot.settings;
}

/* 0. What a collector forwards as a whole. */
static int take_forward(struct place *place, struct err *err)
{
	const struct collected *collected = &place->walk.resolver->collected;
	struct str address = collected->forward_address, server = collected->forward_server;

	if (place->walk.question->via != RESOLVE_POP3 || place->walk.question->collector == 0 || server.len == 0 ||
	    !str_equal_nocase(address, place->walk.question->address))
		return 0;
	EXPLAIN(place->walk.resolution, "the collector sends all to a server");
	place->is_decided = true;
	return resolution_add(place->walk.resolution, TARGET_LAN, 0,
	                      arena_printf(place->walk.arena, "SMTP:%.*s@%.*s", STR_ARG(address), STR_ARG(server)),
	                      STR("collector"), err);
}

/* 1. Mappings of the address. */
static int take_mappings(struct place *place, struct err *err)
{
	struct mapping_search search = {.question = place->walk.question};
	bool matched;

	if (mapping_find(place->walk.resolver, &search, place->addr.local_part, place->addr.domain, place->is_local,
	                 place->walk.arena, err) != 0 ||
	    walk_mappings(&place->walk, &search, 0, &matched, err) != 0)
		return -1;
	if (search.count == 0)
		EXPLAIN(place->walk.resolution, "no mapping applies");
	place->is_decided = matched;
	return 0;
}

static int take_lan_rule(struct place *place, bool left_over, struct err *err)
{
	const struct walk_origin origin = {STR(""), 0};
	int found = walk_lan_rule(&place->walk, &place->addr, place->is_local, left_over, origin, err);

	place->is_decided |= found == 1;
	return found < 0 ? -1 : 0;
}

/* 1b. Rules of LAN forwarding. */
static int take_lan(struct place *place, struct err *err)
{
	return take_lan_rule(place, false, err);
}

/* 3b. Those of them for what is left over. */
static int take_lan_rest(struct place *place, struct err *err)
{
	return take_lan_rule(place, true, err);
}

/* 2a. User, list, group. */
static int take_name(struct place *place, struct err *err)
{
	const struct resolve_question *question = place->walk.question;
	struct str name = place->addr.local_part;
	struct snapshot_object user;
	int found;

	if (!place->is_local)
		return 0;
	if (question->no_implied ||
	    (question->via == RESOLVE_SMTP && !settings_flag(settings_of(place), SETTING_LOCAL_DEFAULT_MAPPINGS))) {
		found = snapshot_find(&place->walk.resolver->snapshot, ASK_USER, name, place->walk.arena, &user, err);
		if (found < 0)
			return -1;
		if (found == 1) {
			EXPLAIN(place->walk.resolution, "the user %.*s has no address of that name: default mappings are off",
			        STR_ARG(user.name));
			return 0;
		}
	}
	found = walk_name(&place->walk, name, !question->is_local, (struct walk_origin){STR(""), 0}, err);
	place->is_decided = found == 1;
	return found < 0 ? -1 : 0;
}

/* 2b. Addresses of RFC 5321 4.5.1 and RFC 2142: the administrator. */
static int take_postmaster(struct place *place, struct err *err)
{
	struct str name = place->addr.local_part;
	struct snapshot_object user;
	struct db_statement *statement;
	int found;

	if (!place->is_local || (!str_equal_nocase(name, STR("postmaster")) && !str_equal_nocase(name, STR("abuse"))))
		return 0;
	statement = &place->walk.resolver->snapshot.asked[ASK_ADMINISTRATOR];
	found = db_step(statement, err);
	if (found == 1)
		user = (struct snapshot_object){.id = db_number(statement, 0),
		                                .name = arena_copy(place->walk.arena, db_text(statement, 1))};
	db_reset(statement);
	if (found != 1)
		return found;
	EXPLAIN(place->walk.resolution, "%.*s goes to the administrator %.*s", STR_ARG(name), STR_ARG(user.name));
	place->is_decided = true;
	return resolution_add(place->walk.resolution, TARGET_USER, user.id, user.name,
	                      arena_printf(place->walk.arena, "special %.*s", STR_ARG(name)), err);
}

/* 1 = it is the address of a list server, or one to which reports about a list's members come; 0 = no, -1 = error. */
static int is_listserver(struct place *place, struct err *err)
{
	struct db_statement *statement;
	int found;

	if (place->is_local &&
	    str_equal_nocase(place->addr.local_part, str_of(settings_text(settings_of(place), SETTING_LISTSERVER_NAME))))
		return 1;
	if (place->is_local && list_is_bounce_name(place->addr.local_part))
		return 1;
	statement = snapshot_ask_text(&place->walk.resolver->snapshot, ASK_LISTSERVER, place->walk.address);
	found = db_step(statement, err);
	db_reset(statement);
	return found;
}

/* The server's own address, which takes commands. */
static bool is_mailer_daemon(const struct place *place)
{
	struct str name = place->addr.local_part;

	return place->is_local &&
	       (str_equal_nocase(name, STR("mailer-daemon")) ||
	        str_equal_nocase(name, str_of(settings_text(settings_of(place), SETTING_MAILER_DAEMON))));
}

/* 2c. The server itself, the list server, and the addresses that the spam filter learns from. */
static int take_service(struct place *place, struct err *err)
{
	struct str name = place->addr.local_part;
	int found;

	if (is_mailer_daemon(place)) {
		EXPLAIN(place->walk.resolution, "%.*s is the server itself, which takes commands", STR_ARG(name));
		place->is_decided = true;
		return resolution_add(place->walk.resolution, TARGET_LIST, 0, place->walk.address,
		                      arena_printf(place->walk.arena, "special %.*s", STR_ARG(name)), err);
	}
	found = is_listserver(place, err);
	if (found < 0)
		return -1;
	if (found == 1) {
		EXPLAIN(place->walk.resolution, "%.*s is a list server", STR_ARG(place->walk.address));
		place->is_decided = true;
		return resolution_add(place->walk.resolution, TARGET_LIST, 0, place->walk.address, STR("special listserver"),
		                      err);
	}
	if (!place->is_local || !settings_flag(settings_of(place), SETTING_SPAM_TRAINING) ||
	    (!str_equal_nocase(name, STR("spam")) && !str_equal_nocase(name, STR("notspam"))))
		return 0;
	EXPLAIN(place->walk.resolution, "%.*s is an address to learn from: its mail is discarded", STR_ARG(name));
	place->is_decided = true;
	return resolution_add(place->walk.resolution, TARGET_DISCARD, 0, STR("it is for training"),
	                      arena_printf(place->walk.arena, "special %.*s", STR_ARG(name)), err);
}

/* 2c'. A return path that this server made of a stranger's: reports go on to him. */
static int take_rewritten(struct place *place, struct err *err)
{
	struct str secret = str_of(settings_text(settings_of(place), SETTING_MAILAUTH_SRS_SECRET)), original;

	if (!place->is_local || place->walk.question->from.len != 0 ||
	    !srs_reverse(secret, &place->addr, time(NULL), place->walk.arena, &original))
		return 0;
	EXPLAIN(place->walk.resolution, "it is a return path of mail that was passed on, of %.*s", STR_ARG(original));
	place->is_decided = true;
	return resolution_add(place->walk.resolution, TARGET_REMOTE, 0, original, STR("srs"), err);
}

static bool is_fax_number(struct str name)
{
	bool has_digit = false;

	for (size_t i = 0; i < name.len; i++) {
		bool is_digit = name.data[i] >= '0' && name.data[i] <= '9';

		if (!is_digit && (name.data[i] == '\0' || strchr("()-+", name.data[i]) == NULL))
			return false;
		has_digit |= is_digit;
	}
	return has_digit;
}

/* 2d. Numbers are for the fax machine's mailbox. */
static int take_fax(struct place *place, struct err *err)
{
	struct str mailbox = str_of(settings_text(settings_of(place), SETTING_FAX_MAILBOX));
	struct snapshot_object user;
	int found;

	if (!place->is_local || mailbox.len == 0 || !is_fax_number(place->addr.local_part))
		return 0;
	if (!place->walk.question->is_local && !settings_flag(settings_of(place), SETTING_FAX_EXTERNAL)) {
		EXPLAIN(place->walk.resolution, "strangers may not send faxes");
		return 0;
	}
	found = snapshot_find(&place->walk.resolver->snapshot, ASK_USER, mailbox, place->walk.arena, &user, err);
	if (found != 1)
		return found;
	EXPLAIN(place->walk.resolution, "it is a fax number: the mailbox is that of %.*s", STR_ARG(user.name));
	place->is_decided = true;
	return resolution_add(place->walk.resolution, TARGET_USER, user.id, user.name, STR("fax"), err);
}

/* 3. Mappings of what is left over. */
static int take_rest(struct place *place, struct err *err)
{
	struct mapping_search search = {.question = place->walk.question};
	bool matched;

	if (mapping_find_rest(place->walk.resolver, &search, place->addr.domain, place->walk.arena, err) != 0 ||
	    walk_mappings(&place->walk, &search, 0, &matched, err) != 0)
		return -1;
	place->is_decided = matched;
	return 0;
}

/* 4. Nobody here has it. */
static int take_nobody(struct place *place, struct err *err)
{
	struct resolution *resolution = place->walk.resolution;
	const struct resolve_question *question = place->walk.question;

	if (place->is_local && !(question->is_local && question->via == RESOLVE_SMTP &&
	                         settings_flag(settings_of(place), SETTING_LOCAL_UNKNOWN_OUT))) {
		EXPLAIN(resolution, "nobody here has this address");
		return 0;
	}
	EXPLAIN(resolution,
	        place->is_local ? "nobody here has this address: it is sent out" : "it is sent to another server");
	place->walk.is_elsewhere = true;
	return resolution_add(resolution, TARGET_REMOTE, 0, place->walk.address,
	                      place->is_local ? STR("outgoing") : STR("remote"), err);
}

/* 1', in place of all steps: a member of a list is looked for by name first. */
static int take_member(struct place *place, struct err *err)
{
	const struct walk_origin origin = {STR(""), 0};
	int found = walk_member(&place->walk, place->walk.address, origin, err);

	place->is_decided = found == 1;
	return found < 0 ? -1 : 0;
}

/* The FROM mappings of who sent it. */
static int take_sender(struct place *place, struct err *err)
{
	const struct resolve_question *question = place->walk.question;
	struct mapping_search search = {.question = question, .of_sender = true};
	struct str domain;
	struct addr from;
	bool matched;

	if (question->via != RESOLVE_POP3 || question->from.len == 0 ||
	    addr_parse_mailbox(question->from, place->walk.arena, &from, NULL) != 0 ||
	    addr_normalise_domain(from.domain, place->walk.arena, &domain, NULL) != 0)
		return 0;
	if (mapping_find(place->walk.resolver, &search, from.local_part, domain, true, place->walk.arena, err) != 0)
		return -1;
	return walk_mappings(&place->walk, &search, 0, &matched, err);
}

/* 1 = yes, 0 = no, -1 = error. */
static int place_is_local(struct place *place, struct err *err)
{
	const struct resolve_question *question = place->walk.question;

	if (place->addr.domain.len == 0)
		return 1;
	if (place->addr.is_literal)
		return 0;
	if (question->domains == NULL)
		return snapshot_is_local(&place->walk.resolver->snapshot, place->addr.local_part, place->addr.domain, err);
	for (size_t i = 0; i < question->domain_count; i++)
		if (addr_entry_holds(question->domains[i], place->addr.local_part, place->addr.domain))
			return 1;
	return 0;
}

static int place_begin(struct place *place, struct err *err)
{
	struct arena *arena = place->walk.arena;
	struct str domain = STR("");
	int local;

	if (addr_parse_mailbox(place->walk.question->address, arena, &place->addr, err) != 0 ||
	    (place->addr.domain.len != 0 && addr_normalise_domain(place->addr.domain, arena, &domain, err) != 0))
		return syntax_error(err);
	place->addr.domain = domain;
	place->walk.address = addr_format(place->addr.local_part, domain, arena);
	local = place_is_local(place, err);
	if (local < 0)
		return -1;
	place->is_local = place->walk.resolution->is_own = local == 1;
	if (domain.len != 0)
		EXPLAIN(place->walk.resolution, "%.*s is %s local domain", STR_ARG(domain), local == 1 ? "a" : "not a");
	return 0;
}

static bool is_no_address(struct str member)
{
	return smtp_target_is(member) || str_find_char(member, '@') < 0;
}

static int take_steps(struct place *place, struct err *err)
{
	static int (*const steps[])(struct place * place, struct err * err) = {
	    take_forward,   take_mappings, take_lan,  take_name,     take_postmaster, take_service,
	    take_rewritten, take_fax,      take_rest, take_lan_rest, take_nobody};

	if (place->walk.question->address.len == 0)
		return 0;
	/* members may also be what no address of an envelope is: "SMTP:...", a name alone */
	if (place->walk.question->is_member && is_no_address(place->walk.question->address)) {
		place->walk.address = place->walk.question->address;
		return take_member(place, err);
	}
	if (place_begin(place, err) != 0)
		return -1;
	if (place->walk.question->is_member)
		return take_member(place, err);
	for (size_t i = 0; !place->is_decided && i < sizeof steps / sizeof *steps; i++)
		if (steps[i](place, err) != 0)
			return -1;
	return 0;
}

/* What the targets come to. */
static int conclude(struct place *place, struct err *err)
{
	struct resolution *resolution = place->walk.resolution;

	if (place->walk.too_deep) {
		resolution->kind = RESOLVE_FAILED;
		resolution->words = str_of(nested_too_deep);
		resolution->target_count = 0;
		return 0;
	}
	/* The address itself, and nothing else: who sends there needs the right to relay. */
	if (resolution->target_count == 1 && resolution->targets[0].kind == TARGET_REMOTE &&
	    str_equal_nocase(resolution->targets[0].text, place->walk.address)) {
		resolution->kind = RESOLVE_REMOTE;
		return 0;
	}
	if (resolution->target_count == 0 && place->is_decided && !place->walk.is_elsewhere) {
		EXPLAIN(resolution, "it leads to no one: it is accepted and discarded");
		resolution->kind = RESOLVE_LOCAL;
		return resolution_add(resolution, TARGET_DISCARD, 0, STR("its list or group has no members"), STR("list"), err);
	}
	resolution->kind = resolution->target_count != 0 ? RESOLVE_LOCAL : RESOLVE_UNKNOWN;
	return 0;
}

/* Let a question about collected mail say what the collector's settings say. */
static int ask_collector(struct resolver *resolver, struct resolve_question *question, struct err *err)
{
	struct collected *collected = &resolver->collected;

	if (question->via != RESOLVE_POP3 || question->collector == 0)
		return 0;
	if (collected_look(collected, resolver->snapshot.settings, question->collector, err) != 0)
		return -1;
	question->no_implied |= !collected->default_mappings;
	if (question->domains == NULL && collected->domain_count != 0) {
		question->domains = collected->domains;
		question->domain_count = collected->domain_count;
	}
	return 0;
}

int resolve_address(struct resolver *resolver, const struct resolve_question *asked, struct arena *arena,
                    struct resolution *resolution, struct err *err)
{
	struct resolve_question question_of_collector = *asked;
	const struct resolve_question *question = &question_of_collector;
	struct place place = {
	    .walk = {.resolver = resolver, .question = question, .resolution = resolution, .arena = arena}};

	resolution_begin(resolution, arena, question->explain);
	if (ask_collector(resolver, &question_of_collector, err) != 0)
		return -1;
	if (question->address.len == 0 && question->from.len == 0)
		return err_set(err, ERR_SYNTAX, "there is no address to resolve");
	if (take_steps(&place, err) != 0 || take_sender(&place, err) != 0 || walk_open_lists(&place.walk, err) != 0)
		return -1;
	return conclude(&place, err) != 0 ? -1 : permitted_filter(resolver, question, resolution, err);
}

int resolve_is_local(struct resolver *resolver, struct str domain, struct arena *arena, bool *local_out,
                     struct err *err)
{
	struct str normal;
	int found = 0;

	if (addr_normalise_domain(domain, arena, &normal, err) != 0)
		return syntax_error(err);
	if (!addr_is_literal(normal))
		found = snapshot_is_local(&resolver->snapshot, STR(""), normal, err);
	if (found < 0)
		return -1;
	*local_out = found == 1;
	return 0;
}
