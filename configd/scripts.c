#include "configd/scripts.h"

#include "common/script/name.h"
#include "common/script/script.h"

#include <string.h>
#include <time.h>

enum { SCRIPTS_MAX = 2000 };

/* The name of the request, in its normal form. */
static int normalise(struct change *change, struct str name, struct str *name_out, struct err *err)
{
	char normal[SCRIPT_NAME_MAX + 6];

	if (script_name_normalise(name, normal, sizeof normal, err) != 0)
		return -1;
	*name_out = arena_copy(&change->arena, str_of(normal));
	return 0;
}

static int requested(struct change *change, struct str *name_out, struct err *err)
{
	return change_field(change, "name", name_out, err) != 0 ? -1 : normalise(change, *name_out, name_out, err);
}

/* One that must be there. */
static int need(struct change *change, bool may_be_new, struct str *name_out, struct str *text_out, struct err *err)
{
	int row;

	if (requested(change, name_out, err) != 0)
		return -1;
	*text_out = STR("");
	row = config_text(change->config, &change->arena, text_out, err, "SELECT text FROM script WHERE name = ?", "t",
	                  *name_out);
	return row == 0 && !may_be_new ? err_set(err, ERR_NOT_FOUND, "there is no script %.*s", STR_ARG(*name_out))
	       : row < 0               ? -1
	                               : 0;
}

static int store(struct change *change, struct str name, struct str text, struct str broken, struct err *err)
{
	int64_t count;

	if (config_number(change->config, &count, err, "SELECT count(*) FROM script WHERE name <> ?", "t", name) != 1)
		return -1;
	if (count >= SCRIPTS_MAX)
		return err_set(err, ERR_LIMIT, "there are %d scripts already", SCRIPTS_MAX);
	change->config->scripts_changed = true;
	return config_run(change->config, err, "INSERT OR REPLACE INTO script VALUES(?, ?, ?, ?)", "tttn", name, text,
	                  broken, (int64_t)time(NULL));
}

int script_put(struct change *change, struct str name, struct str text, struct str *broken_out, struct err *err)
{
	struct str before = {NULL, 0};
	struct err wrong = {0};

	if (normalise(change, name, &name, err) != 0)
		return -1;
	if (text.len > SCRIPT_FILE_MAX)
		return err_set(err, ERR_LIMIT, "a script has %d octets at most", SCRIPT_FILE_MAX);
	if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
		return err_set(err, ERR_SYNTAX, "a script is a text");
	if (config_text(change->config, &change->arena, &before, err, "SELECT text FROM script WHERE name = ?", "t", name) <
	    0)
		return -1;
	if (script_check(text, name.data, &wrong) != 0 && wrong.code != ERR_SYNTAX) {
		*err = wrong;
		return -1;
	}
	*broken_out = arena_copy(&change->arena, str_of(wrong.text));
	if (before.data != NULL && str_equal(before, text))
		return 0;
	change_note(change, "script %.*s %s%s%s", STR_ARG(name), before.data != NULL ? "changed" : "added",
	            wrong.code != ERR_NONE ? "; it is not used: " : "", wrong.text);
	return store(change, name, text, *broken_out, err);
}

int op_script_set(struct change *change, struct err *err)
{
	struct str name, text, broken;

	if (change_field(change, "name", &name, err) != 0 || change_field(change, "text", &text, err) != 0 ||
	    script_put(change, name, text, &broken, err) != 0)
		return -1;
	if (broken.len > 0)
		ipc_add(&change->reply, "error", broken);
	return 0;
}

static int delete_script(struct change *change, struct str name, struct err *err)
{
	change->config->scripts_changed = true;
	change_note(change, "script %.*s deleted", STR_ARG(name));
	return config_run(change->config, err, "DELETE FROM script WHERE name = ?", "t", name);
}

int op_script_delete(struct change *change, struct err *err)
{
	struct str name, text;

	return need(change, false, &name, &text, err) != 0 ? -1 : delete_script(change, name, err);
}

/* With new = 1 one that is not there is empty. */
int op_script_show(struct change *change, struct err *err)
{
	struct str name, text;
	bool may_be_new = false;

	if (change_flag(change, "new", &may_be_new, err) != 0 || need(change, may_be_new, &name, &text, err) != 0)
		return -1;
	ipc_add(&change->reply, "text", text);
	return 0;
}

int op_script_check(struct change *change, struct err *err)
{
	struct str name = STR("script"), text;

	if (change_field(change, "text", &text, err) != 0 ||
	    (ipc_get(&change->incoming->message, "name").data != NULL && requested(change, &name, err) != 0))
		return -1;
	return script_check(text, name.data, err);
}

static void list_hook(struct change *change, const struct script_hook *hook)
{
	change_list(change, "script",
	            json_pack("{s:o, s:b, s:b, s:s, s:i, s:i, s:s}", "name", json_sprintf("%s.lua", hook->name), "called",
	                      1, "kept", 0, "error", "", "size", 0, "changed", 0, "sentence", hook->sentence));
}

static const char *sentence_of(struct str name)
{
	for (const struct script_hook *hook = script_hooks; hook->name != NULL; hook++)
		if (name.len == strlen(hook->name) + 4 && str_starts(name, str_of(hook->name)))
			return hook->sentence;
	return "";
}

static int list_hooks(struct change *change, struct err *err)
{
	for (const struct script_hook *hook = script_hooks; hook->name != NULL; hook++) {
		int row = config_number(change->config, NULL, err, "SELECT 1 FROM script WHERE name = ? || '.lua'", "t",
		                        str_of(hook->name));

		if (row < 0)
			return -1;
		if (row == 0)
			list_hook(change, hook);
	}
	return 0;
}

/* Those that there are; with all = 1 also those that the server would call. */
int op_script_list(struct change *change, struct err *err)
{
	struct db_statement rows;
	bool all = false;
	int row;

	if (change_flag(change, "all", &all, err) != 0 ||
	    config_query(change->config, &rows, err,
	                 "SELECT name, error, length(CAST(text AS BLOB)), changed FROM script ORDER BY name", "") != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		struct str name = db_text(&rows, 0), broken = db_text(&rows, 1);

		change_list(change, "script",
		            json_pack("{s:s%, s:b, s:b, s:s%, s:I, s:I, s:s}", "name", name.data, name.len, "called",
		                      (int)script_is_hook(name), "kept", 1, "error", broken.data, broken.len, "size",
		                      (json_int_t)db_number(&rows, 2), "changed", (json_int_t)db_number(&rows, 3), "sentence",
		                      sentence_of(name)));
	}
	db_finalize(&rows);
	return row == 0 && all ? list_hooks(change, err) : row;
}

int scripts_drop(struct change *change, struct str user, struct err *err)
{
	change->config->scripts_changed = true;
	return config_run(change->config, err,
	                  "DELETE FROM script WHERE substr(name, 1, length(?1) + 1) = lower(?1) || '/'", "t", user);
}

int scripts_rename(struct change *change, struct str user, struct str to, struct err *err)
{
	char normal[SCRIPT_NAME_MAX + 6];

	/* a name that no script's folder can have leaves them where they are */
	if (script_name_normalise(arena_printf(&change->arena, "%.*s/x", STR_ARG(to)), normal, sizeof normal, err) != 0) {
		err->code = ERR_NONE;
		return 0;
	}
	change->config->scripts_changed = true;
	return config_run(change->config, err,
	                  "UPDATE OR REPLACE script SET name = lower(?2) || substr(name, length(?1) + 1)"
	                  " WHERE substr(name, 1, length(?1) + 1) = lower(?1) || '/'",
	                  "tt", user, to);
}

/* Lines between '|', so that blanks at their ends stay; one that is too long goes on in the next after '\'. */
static void export_text(struct str text, struct buf *out)
{
	enum { PIECE_MAX = 4000 };
	struct str line;

	while (text.data != NULL) {
		for (line = str_cut(&text, '\n'); line.len > PIECE_MAX; line = str_skip(line, PIECE_MAX))
			buf_printf(out, "%s = |%.*s\\\n", text_field_name(TEXT_SCRIPT, SCRIPT_OBJECT_TEXT),
			           STR_ARG(str_sub(line, 0, PIECE_MAX)));
		buf_printf(out, "%s = |%.*s|\n", text_field_name(TEXT_SCRIPT, SCRIPT_OBJECT_TEXT), STR_ARG(line));
	}
}

int scripts_export(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement rows;
	int row;

	if (config_query(change->config, &rows, err, "SELECT name, text FROM script ORDER BY name", "") != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		buf_add_str(out, STR("\n[script]\n"));
		text_add_field(out, TEXT_SCRIPT, SCRIPT_OBJECT_NAME, db_text(&rows, 0));
		export_text(db_text(&rows, 1), out);
	}
	db_finalize(&rows);
	return row;
}

static int read_text(struct str lines, struct buf *text, struct err *err)
{
	while (lines.data != NULL) {
		struct str line = str_cut(&lines, '\n');

		if (line.len < 2 || line.data[0] != '|' || (line.data[line.len - 1] != '|' && line.data[line.len - 1] != '\\'))
			return err_set(err, ERR_SYNTAX, "a line of a script stands between '|' and '|', or '\\' where it goes on");
		buf_add_str(text, str_sub(line, 1, line.len - 2));
		if (line.data[line.len - 1] == '|' && lines.data != NULL)
			buf_add_char(text, '\n');
	}
	return 0;
}

static int import_one(struct change *change, const struct text_object *object, struct err *err)
{
	struct str name, broken;
	struct buf text;
	int result;

	buf_init(&text, SCRIPT_FILE_MAX + 1);
	result = normalise(change, object->fields[SCRIPT_OBJECT_NAME], &name, err) != 0 ||
	                 import_keep_name(change, name, err) != 0 ||
	                 read_text(object->fields[SCRIPT_OBJECT_TEXT], &text, err) != 0 ||
	                 script_put(change, name, buf_str(&text), &broken, err) != 0
	             ? -1
	             : 0;
	buf_free(&text);
	return result;
}

int scripts_import(struct change *change, const struct text *text, struct err *err)
{
	if (import_begin_names(change, err) != 0)
		return -1;
	for (const struct text_object *object = text->objects[TEXT_SCRIPT]; object != NULL; object = object->next)
		if (import_one(change, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	return import_for_missing(change, "SELECT name FROM script", delete_script, err);
}
