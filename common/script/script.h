/*
 * script: the administrator's Lua scripts, asked for decisions, trusted with nothing.
 *
 * A script is kept by configd, which publishes it as state/settings/scripts/<name>.lua, the name in lower case; what an
 * administrator puts down as etc/scripts/<name>.lua counts before that until configd has taken it over, moments later
 * (configd/scripts.h). It is a file and no row of the snapshot, since a session that has none finds that by two calls
 * of stat(2), and one that has some needs no database open for it. It runs in the process whose decision it
 * makes: a session opens it lazily within its own sandbox (script_allow before), never the listener, so that what a
 * script does wrong ends with the session and nothing of it is inherited. A script that does not exist, or lacks the
 * function that is asked for, means the default; so does one that fails, whose error goes to log/luaerrors.log by way
 * of statusd and historyd (common/status/status.h), since a session cannot write there.
 *
 *     struct script script;
 *     struct script_value arguments[] = {script_text(str_of(peer)), script_text(capabilities)};
 *     struct script_value results[] = {{.type = SCRIPT_TEXT}};
 *
 *     script_open(&script, instance, "imap4svr", NULL, &status);
 *     if (script_call(&script, "DoCapability", arguments, 2, results, 1, &arena) == 1 && results[0].type ==
 * SCRIPT_TEXT) capabilities = results[0].text;
 *
 * Text chunks only: Lua 5.4 with the libraries base, coroutine, table, string, math and utf8, and what older scripts
 * use of 5.1 (unpack, loadstring, table.getn, table.foreach, table.foreachi, math.pow); without os, io, debug, package,
 * dofile, loadfile, collectgarbage, string.dump, and without bytecode. print writes to luaerrors.log. require "name"
 * runs another script of the same two folders, once for each state, and gives what that returns.
 *
 * Limits hold whatever a script tries: its memory is one mapping of fixed size; instructions are counted in all
 * coroutines; a timer ends what hangs within a library function (a pattern that backtracks). A call that exceeds time
 * or instructions is left by a jump that no pcall can catch, the script's memory is thrown away whole, and the script
 * rests for SCRIPT_REST_MS. Where no script exists nothing is allocated; a call costs two stat(2) then.
 *
 * One call at a time in a process; SIGALRM and the real-time timer are used during a call, and put back.
 */
#ifndef POSTROOM_SCRIPT_SCRIPT_H
#define POSTROOM_SCRIPT_SCRIPT_H

#include "common/base/arena.h"
#include "common/net/sandbox.h"
#include "common/status/status.h"

#include <sys/stat.h>

/* Below the state of an instance; configd writes it. */
#define SCRIPT_PUBLISHED "settings/scripts"

enum {
	SCRIPT_NAME_MAX = 64,          /* with a user's folder before it */
	SCRIPT_FILE_MAX = 1024 * 1024, /* octets of a script */
	SCRIPT_MEMORY_MAX = 64 * 1024 * 1024,
	SCRIPT_INSTRUCTIONS_MAX = 500 * 1000 * 1000, /* some seconds */
	SCRIPT_CALL_MS = 5000,
	SCRIPT_REST_MS = 10000,  /* without calls, after a limit was exceeded */
	SCRIPT_LIST_MAX = 10000, /* items of a list that a script returns */
	SCRIPT_FOLDERS = 2,
};

/* Of each call, and of loading. */
struct script_limits {
	size_t memory;        /* octets of address space, what Lua itself needs (some 30 kB) and gaps included */
	int64_t instructions; /* of Lua's machine */
	int call_ms;          /* by the clock */
};

enum script_type {
	SCRIPT_NIL,
	SCRIPT_TEXT,   /* bytes; a number is taken as its text */
	SCRIPT_NUMBER, /* integer; a float or text that stands for one is taken */
	SCRIPT_FLAG,
	SCRIPT_LIST,  /* of text: a table's items 1, 2 ... */
	SCRIPT_TABLE, /* of fields by name; as a result, fields say which are wanted, and get their values */
	SCRIPT_ARRAY, /* of values of any type, 1, 2 ...; as a result of tables, with the fields of the one in values */
	SCRIPT_MAP,   /* of texts by any names, in no order: items are name, value, name, value ... */
	SCRIPT_TEXT_OR_FLAG, /* asked for only: the result is SCRIPT_TEXT or SCRIPT_FLAG */
};

struct script_field;

struct script_value {
	enum script_type type;
	struct str text;
	int64_t number;
	bool flag;
	const struct str *items;           /* of a list, or a map */
	const struct script_field *fields; /* of a table; of a result they are the caller's, to be written */
	const struct script_value *values; /* of an array */
	size_t count;                      /* of items, fields or values */
};

struct script_field {
	const char *name;
	struct script_value value;
};

static inline struct script_value script_text(struct str text)
{
	return (struct script_value){.type = SCRIPT_TEXT, .text = text};
}

static inline struct script_value script_number(int64_t number)
{
	return (struct script_value){.type = SCRIPT_NUMBER, .number = number};
}

static inline struct script_value script_flag(bool flag)
{
	return (struct script_value){.type = SCRIPT_FLAG, .flag = flag};
}

static inline struct script_value script_list(const struct str *items, size_t count)
{
	return (struct script_value){.type = SCRIPT_LIST, .items = items, .count = count};
}

static inline struct script_value script_map(const struct str *items, size_t count)
{
	return (struct script_value){.type = SCRIPT_MAP, .items = items, .count = count};
}

static inline struct script_value script_table(const struct script_field *fields, size_t count)
{
	return (struct script_value){.type = SCRIPT_TABLE, .fields = fields, .count = count};
}

/* Of a result asked for as SCRIPT_TEXT_OR_FLAG: what Lua takes for true, and 0 and "" for false besides. */
static inline bool script_is_true(const struct script_value *value)
{
	if (value->type == SCRIPT_TEXT)
		return value->text.len != 0 && !str_equal(value->text, STR("0"));
	return value->type == SCRIPT_FLAG && value->flag;
}

static inline struct script_value script_array(const struct script_value *values, size_t count)
{
	return (struct script_value){.type = SCRIPT_ARRAY, .values = values, .count = count};
}

/* A function of ours that scripts may call, as <table>.<name>. */
struct script_function {
	const char *name;
	/* arguments: texts, numbers and flags as they were given, anything else is SCRIPT_NIL; valid during the call. What
	 * the result points to must stay until the script's call is over. */
	struct script_value (*run)(void *context, const struct script_value *arguments, size_t count);
};

/* What a script is offered beside Lua's libraries; all of it must stay as long as the script is open. */
struct script_offer {
	const char *table; /* "Postroom" */
	const struct script_function *functions;
	size_t count;
	void *context;
};

struct lua_State;
struct script_heap;

struct script {
	char folders[SCRIPT_FOLDERS][INSTANCE_PATH_MAX + 24]; /* where it may be, the first first; "": nowhere */
	char name[SCRIPT_NAME_MAX + 4];                       /* with ".lua" */
	struct script_limits limits;
	struct status *status;
	const struct script_offer *offer; /* NULL: nothing more; may be set before the first call */
	struct script_heap *heap;         /* NULL: not loaded */
	struct lua_State *lua;            /* within the heap */
	struct stat file;                 /* as it was loaded, or failed to be */
	uint64_t text_hash;               /* of what was loaded: the same text is not loaded again from another file */
	bool looked_at;                   /* file says something */
	bool is_pinned;                   /* what was loaded stays, see script_is_stale; the caller's to set */
	int64_t rest_until_ms;
	bool is_inline;                   /* it has no file: script_open_inline */
	bool is_away;                     /* script_settle found no file */
	struct buf *printed;              /* where print adds to; NULL: to luaerrors.log */
	struct buf *errors;               /* where errors are added to; NULL: told as status says; the caller's to set */
	const struct script_field *first; /* globals to be set before the file is run; script_run */
	size_t first_count;
};

/* Let a sandbox read the folders of scripts, where they are. Call before sandbox_enter. -1: as sandbox_allow. */
int script_allow(struct sandbox *sandbox, const struct instance *instance, struct err *err);

/*
 * Name a script ("imap4svr"); nothing is read yet. limits NULL: those above. status: by which errors are told, must
 * stay valid; NULL: they go to the ordinary log.
 */
void script_open(struct script *script, const struct instance *instance, const char *name,
                 const struct script_limits *limits, struct status *status);
/*
 * A script without a file: pieces of text that are run one after another (script_chunk), and see what those before them
 * left. name: for error messages. Otherwise as script_open; without an instance (NULL) it finds no other scripts.
 */
void script_open_inline(struct script *script, const struct instance *instance, const char *name,
                        const struct script_limits *limits, struct status *status);
/*
 * Where there is no file of that name now, there is none for as long as this script is open: for a session that would
 * ask before each of its steps, and lasts not long.
 */
void script_settle(struct script *script);
/* Give back what was loaded, the script's globals with it; a later call loads it again. For a session that idles. */
void script_close(struct script *script);

/* Is there a file of that name? Nothing of it is read: for a process that is not in its sandbox yet. */
bool script_is_installed(const struct script *script);

/* Is there a script, and could it be loaded? Costs one or two stat(2). */
bool script_exists(struct script *script);
/* Has the file of a script that was loaded another text by now, or is it gone? For one that is pinned. */
bool script_is_stale(const struct script *script);
/* Does the script exist, and has it a function of that name? */
bool script_has_function(struct script *script, const char *function);

/*
 * Call a function. results: in, the type wanted of each; out, the value, or SCRIPT_NIL where the script gave none or
 * nil; texts and items are copied into arena. Returns 1: it was called; 0: there is no such script or function, the
 * default applies; -1: it failed, or a result is of another type: that was reported, and the default applies too.
 */
int script_call(struct script *script, const char *function, const struct script_value *arguments,
                size_t argument_count, struct script_value *results, size_t result_count, struct arena *arena);

/*
 * Globals of the script: set them before a call (also those that no function changes: another call may have loaded it
 * again), and read those that it may have changed after it; a global of another type than its field asks for leaves the
 * field as it is, and is reported. Returns as script_call.
 */
int script_set_globals(struct script *script, const struct script_field *fields, size_t count);
int script_get_globals(struct script *script, struct script_field *fields, size_t count, struct arena *arena);

/*
 * Run a script that is nothing but its main chunk: anew, with these globals set before it; script_get_globals reads
 * them afterwards. Returns as script_call.
 */
int script_run(struct script *script, const struct script_field *fields, size_t count);
/*
 * Run a piece of text in a script of script_open_inline. What it prints is added to printed, a line end between two
 * calls. 1, or -1: it failed, which was reported; the state is as it left it.
 */
int script_chunk(struct script *script, struct str text, struct buf *printed);

/* Can the text be compiled? Nothing of it is run. -1: ERR_SYNTAX, with name and line; ERR_LIMIT: not enough memory. */
int script_check(struct str text, const char *name, struct err *err);

/* Tell of a script's error in luaerrors.log: for callers, of a result that is of the right type but no answer. */
void script_report(const struct script *script, const char *function, struct str text);

#endif
