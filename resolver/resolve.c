#include "resolver/resolve.h"

#include "common/addr/addr.h"

static void finalize(struct resolver *resolver)
{
	db_finalize(&resolver->domain);
	db_finalize(&resolver->mapping);
	db_finalize(&resolver->user);
	db_finalize(&resolver->administrator);
	resolver->prepared = false;
}

static int prepare(struct resolver *resolver, struct err *err)
{
	struct db *db = &resolver->settings->objects;

	resolver->domain = resolver->mapping = resolver->user = resolver->administrator = (struct db_statement){0};
	if (db_prepare(db, &resolver->domain, "SELECT 1 FROM domain WHERE name = ?", err) != 0 ||
	    db_prepare(db, &resolver->mapping, "SELECT target FROM mapping WHERE pattern = ? ORDER BY id", err) != 0 ||
	    db_prepare(db, &resolver->user, "SELECT uid, name FROM user WHERE name = ?", err) != 0 ||
	    db_prepare(db, &resolver->administrator,
	               "SELECT uid, name FROM user ORDER BY administrator DESC, enabled DESC, uid LIMIT 1", err) != 0) {
		finalize(resolver);
		return -1;
	}
	resolver->prepared = true;
	return 0;
}

int resolver_open(struct resolver *resolver, struct settings *settings, struct err *err)
{
	*resolver = (struct resolver){.settings = settings};
	return prepare(resolver, err);
}

void resolver_close(struct resolver *resolver)
{
	finalize(resolver);
}

int resolver_refresh(struct resolver *resolver, struct err *err)
{
	if (resolver->prepared && *resolver->settings->counter == resolver->settings->generation)
		return 0;
	/* The statements go first: a database with open statements cannot be closed. */
	finalize(resolver);
	settings_refresh(resolver->settings);
	return prepare(resolver, err);
}

const char *resolve_kind_word(enum resolve_kind kind)
{
	static const char *const words[] = {
	    [RESOLVE_LOCAL] = "local", [RESOLVE_REMOTE] = "remote", [RESOLVE_UNKNOWN] = "unknown"};

	return words[kind];
}

/* Add a sentence; nothing is formatted for who did not ask for an explanation. */
#define EXPLAIN(resolution, arena, ...)                                                         \
	do {                                                                                        \
		if ((resolution)->explain && (resolution)->step_count < RESOLVE_STEPS_MAX)              \
			(resolution)->steps[(resolution)->step_count++] = arena_printf(arena, __VA_ARGS__); \
	} while (false)

/* The parser's own codes mean nothing to who asks over a channel. */
static int syntax_error(struct err *err)
{
	err->code = ERR_SYNTAX;
	return -1;
}

/* domain is normalised. 1 = ours, 0 = not, -1 = error. */
static int domain_is_local(struct resolver *resolver, struct str domain, struct err *err)
{
	int found;

	db_bind_text(&resolver->domain, 1, domain);
	found = db_step(&resolver->domain, err);
	db_reset(&resolver->domain);
	return found;
}

/* 1 = there is such a user, 0 = none, -1 = error. */
static int find_user(struct db_statement *statement, struct str name, struct arena *arena,
                     struct resolve_target *target, struct err *err)
{
	int found;

	if (name.data != NULL)
		db_bind_text(statement, 1, name);
	found = db_step(statement, err);
	if (found == 1) {
		target->uid = db_number(statement, 0);
		target->address = arena_copy(arena, db_text(statement, 1));
	}
	db_reset(statement);
	return found;
}

/* Every target once: two mappings may lead to the same user. */
static int add_target(struct resolution *resolution, struct resolve_target target, struct err *err)
{
	for (size_t i = 0; i < resolution->target_count; i++) {
		const struct resolve_target *other = &resolution->targets[i];

		if (target.uid != 0 ? other->uid == target.uid
		                    : other->uid == 0 && str_equal_nocase(other->address, target.address))
			return 0;
	}
	if (resolution->target_count == RESOLVE_TARGETS_MAX)
		return err_set(err, ERR_LIMIT, "an address has more than %d targets", RESOLVE_TARGETS_MAX);
	resolution->targets[resolution->target_count++] = target;
	return 0;
}

/*
 * Where a mapping leads: the user of that name (also written as an address of a local domain), or an address elsewhere.
 * A target that exists no more is passed over, so that its address is refused rather than its mail lost.
 */
static int add_mapping_target(struct resolver *resolver, struct str text, struct arena *arena,
                              struct resolution *resolution, struct err *err)
{
	struct resolve_target target = {0};
	struct str name = text, domain = STR("");
	struct addr addr;
	int found = 1;

	if (str_find_char(text, '@') >= 0) {
		if (addr_parse_mailbox(text, arena, &addr, err) != 0 ||
		    addr_normalise_domain(addr.domain, arena, &domain, err) != 0) {
			EXPLAIN(resolution, arena, "its target %.*s is no address and is left out", STR_ARG(text));
			return 0;
		}
		name = addr.local_part;
		found = domain_is_local(resolver, domain, err);
		if (found < 0)
			return -1;
		if (found == 0) {
			target.address = addr_format(addr.local_part, domain, arena);
			EXPLAIN(resolution, arena, "its target %.*s is remote", STR_ARG(target.address));
			return add_target(resolution, target, err);
		}
	}
	found = find_user(&resolver->user, name, arena, &target, err);
	if (found < 0)
		return -1;
	if (found == 0) {
		EXPLAIN(resolution, arena, "its target %.*s is no user any more and is left out", STR_ARG(text));
		return 0;
	}
	EXPLAIN(resolution, arena, "its target is the user %.*s", STR_ARG(target.address));
	return add_target(resolution, target, err);
}

/* All mappings of one pattern. */
static int apply_mappings(struct resolver *resolver, struct str pattern, struct arena *arena,
                          struct resolution *resolution, struct err *err)
{
	int row;

	db_bind_text(&resolver->mapping, 1, pattern);
	while ((row = db_step(&resolver->mapping, err)) == 1) {
		struct str target = arena_copy(arena, db_text(&resolver->mapping, 0));

		EXPLAIN(resolution, arena, "the mapping %.*s -> %.*s matches", STR_ARG(pattern), STR_ARG(target));
		if (add_mapping_target(resolver, target, arena, resolution, err) != 0) {
			row = -1;
			break;
		}
	}
	db_reset(&resolver->mapping);
	return row;
}

static int apply_all_mappings(struct resolver *resolver, struct str local_part, struct str domain, bool is_local,
                              struct arena *arena, struct resolution *resolution, struct err *err)
{
	if (domain.len != 0 &&
	    apply_mappings(resolver, addr_format(local_part, domain, arena), arena, resolution, err) != 0)
		return -1;
	if (is_local && apply_mappings(resolver, addr_format(local_part, STR(""), arena), arena, resolution, err) != 0)
		return -1;
	if (resolution->target_count == 0)
		EXPLAIN(resolution, arena, "no mapping applies");
	return 0;
}

/* A local name that no mapping took: a user, or one of the addresses that RFC 5321 4.5.1 and RFC 2142 want to exist. */
static int apply_implied(struct resolver *resolver, struct str local_part, struct arena *arena,
                         struct resolution *resolution, struct err *err)
{
	struct resolve_target target = {0};
	int found = find_user(&resolver->user, local_part, arena, &target, err);

	if (found == 1)
		EXPLAIN(resolution, arena, "there is a user %.*s", STR_ARG(target.address));
	if (found == 0)
		EXPLAIN(resolution, arena, "there is no user %.*s", STR_ARG(local_part));
	if (found == 0 && str_equal_nocase(local_part, STR("postmaster"))) {
		found = find_user(&resolver->administrator, str_from(NULL, 0), arena, &target, err);
		if (found == 1)
			EXPLAIN(resolution, arena, "postmaster's mail goes to the administrator %.*s", STR_ARG(target.address));
	}
	if (found < 0)
		return -1;
	return found == 1 ? add_target(resolution, target, err) : 0;
}

static int resolve_local(struct resolver *resolver, struct str local_part, struct str domain, struct arena *arena,
                         struct resolution *resolution, struct err *err)
{
	if (apply_all_mappings(resolver, local_part, domain, true, arena, resolution, err) != 0)
		return -1;
	if (resolution->target_count == 0 && apply_implied(resolver, local_part, arena, resolution, err) != 0)
		return -1;
	if (resolution->target_count == 0 && str_equal_nocase(local_part, STR("mailer-daemon"))) {
		EXPLAIN(resolution, arena, "mailer-daemon's mail goes where postmaster's goes");
		return resolve_local(resolver, STR("postmaster"), domain, arena, resolution, err);
	}
	resolution->kind = resolution->target_count != 0 ? RESOLVE_LOCAL : RESOLVE_UNKNOWN;
	if (resolution->kind == RESOLVE_UNKNOWN)
		EXPLAIN(resolution, arena, "nobody here has this address");
	return 0;
}

static int resolve_foreign(struct resolver *resolver, const struct addr *addr, struct str domain, struct arena *arena,
                           struct resolution *resolution, struct err *err)
{
	struct resolve_target target = {.address = addr_format(addr->local_part, domain, arena)};

	if (apply_all_mappings(resolver, addr->local_part, domain, false, arena, resolution, err) != 0)
		return -1;
	resolution->kind = resolution->target_count != 0 ? RESOLVE_LOCAL : RESOLVE_REMOTE;
	if (resolution->kind == RESOLVE_LOCAL)
		return 0;
	EXPLAIN(resolution, arena, "it is sent to another server");
	return add_target(resolution, target, err);
}

int resolve_address(struct resolver *resolver, struct str address, struct arena *arena, struct resolution *resolution,
                    struct err *err)
{
	struct str domain = STR("");
	struct addr addr;
	int local = 1;

	resolution->target_count = resolution->step_count = 0;
	if (addr_parse_mailbox(address, arena, &addr, err) != 0)
		return syntax_error(err);
	if (addr.domain.len != 0) {
		if (addr_normalise_domain(addr.domain, arena, &domain, err) != 0)
			return syntax_error(err);
		local = addr.is_literal ? 0 : domain_is_local(resolver, domain, err);
		if (local < 0)
			return -1;
		EXPLAIN(resolution, arena, "%.*s is %s local domain", STR_ARG(domain), local == 1 ? "a" : "not a");
	}
	if (local == 1)
		return resolve_local(resolver, addr.local_part, domain, arena, resolution, err);
	return resolve_foreign(resolver, &addr, domain, arena, resolution, err);
}

int resolve_is_local(struct resolver *resolver, struct str domain, struct arena *arena, bool *local_out,
                     struct err *err)
{
	struct str normal;
	int found = 0;

	if (addr_normalise_domain(domain, arena, &normal, err) != 0)
		return syntax_error(err);
	if (!addr_is_literal(normal))
		found = domain_is_local(resolver, normal, err);
	if (found < 0)
		return -1;
	*local_out = found == 1;
	return 0;
}
