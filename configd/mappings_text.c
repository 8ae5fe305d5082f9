/* mappings: as a table of five columns (specification 03), and in the text of export and import. */
#include "configd/mappings.h"

#include "common/addr/smtp_target.h"
#include "common/base/csv.h"
#include "configd/rows.h"

/* The columns of the table; the first two must be there. */
enum { COLUMN_PATTERN, COLUMN_TARGET, COLUMN_COMMENT, COLUMN_TYPE, COLUMN_COLLECTOR };

static const char all_mappings[] = "SELECT pattern, target, comment, type, collector FROM mapping"
                                   " ORDER BY pattern, target, type, collector";

/* The word that the table has for a type. */
static struct str type_word(struct str type)
{
	if (str_equal(type, STR("pop3")))
		return STR("POP3");
	if (str_equal(type, STR("smtp")))
		return STR("SMTP");
	return str_equal(type, STR("from")) ? STR("FROM") : STR("Normal");
}

int op_mapping_export(struct change *change, struct err *err)
{
	struct db_statement row;
	struct buf out;
	int found;

	if (config_query(change->config, &row, err, all_mappings, "") != 0)
		return -1;
	buf_init(&out, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	while ((found = db_step(&row, err)) == 1) {
		csv_add_field(&out, db_text(&row, COLUMN_PATTERN), true);
		csv_add_field(&out, db_text(&row, COLUMN_TARGET), false);
		csv_add_field(&out, db_text(&row, COLUMN_COMMENT), false);
		csv_add_field(&out, type_word(db_text(&row, COLUMN_TYPE)), false);
		csv_add_field(&out, db_number(&row, COLUMN_COLLECTOR) != 0 ? db_text(&row, COLUMN_COLLECTOR) : STR("ALL"),
		              false);
		csv_end_row(&out);
	}
	db_finalize(&row);
	if (found == 0 && out.overflow)
		found = err_set(err, ERR_LIMIT, "there are too many mappings for one table");
	if (found == 0)
		ipc_add(&change->reply, "text", buf_str(&out));
	buf_free(&out);
	return found;
}

/* 1 = added, 0 = it was there already, -1 = it is refused. */
static int import_row(struct change *change, const struct csv_row *row, struct err *err)
{
	struct mapping mapping = {.pattern = row->fields[COLUMN_PATTERN], .target = row->fields[COLUMN_TARGET]};
	struct str type = STR(""), collector = STR("");
	int known;

	if (row->count <= COLUMN_TARGET || row->count > COLUMN_COLLECTOR + 1)
		return err_set(err, ERR_SYNTAX, "it has %zu columns; address, target, comment, type and collector are known",
		               row->count);
	if (row->count > COLUMN_COMMENT)
		mapping.comment = row->fields[COLUMN_COMMENT];
	if (row->count > COLUMN_TYPE)
		type = str_trim(row->fields[COLUMN_TYPE]);
	if (row->count > COLUMN_COLLECTOR)
		collector = str_trim(row->fields[COLUMN_COLLECTOR]);
	if (mapping_parse_type(type, &mapping.type, err) != 0 ||
	    mapping_parse_collector(collector, &mapping.collector, err) != 0 ||
	    mapping_normalise(change, &mapping, err) != 0 || (known = mapping_exists(change, &mapping, err)) < 0)
		return -1;
	if (known == 1)
		return 0;
	return mapping_store(change, &mapping, err) == 0 ? 1 : -1;
}

static int import_rows(struct rows *rows, struct str text, struct err *err)
{
	struct change *change = rows->change;
	struct csv_row row;
	struct csv csv;
	int64_t count;
	int result;

	if (config_number(change->config, &count, err, "SELECT count(*) FROM mapping", "") != 1)
		return -1;
	csv_open(&csv, text);
	while ((result = csv_next(&csv, &change->arena, &row, err)) != 0) {
		if (result == 1)
			result = import_row(change, &row, err);
		else
			result = -1;
		if (result < 0)
			rows_refuse(rows, row.line, err);
		rows->added += result == 1;
		rows->known += result == 0;
		if (count + rows->added > OBJECTS_MAX)
			return err_set(err, ERR_LIMIT, "there would be more than %d mappings", OBJECTS_MAX);
	}
	return 0;
}

int op_mapping_import(struct change *change, struct err *err)
{
	bool replace = false;
	struct rows rows;
	struct str text;

	if (change_field(change, "text", &text, err) != 0 || change_flag(change, "replace", &replace, err) != 0 ||
	    rows_begin(&rows, change, err) != 0 ||
	    (replace && config_run(change->config, err, "DELETE FROM mapping", "") != 0) ||
	    import_rows(&rows, text, err) != 0)
		return -1;
	rows_end(&rows, "mappings");
	return 0;
}

int mappings_export(struct change *change, struct buf *out, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err, all_mappings, "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		struct str comment = db_text(&row, COLUMN_COMMENT), type = db_text(&row, COLUMN_TYPE);

		buf_add_str(out, STR("\n[mapping]\n"));
		text_add_field(out, TEXT_MAPPING, MAPPING_PATTERN, db_text(&row, COLUMN_PATTERN));
		text_add_field(out, TEXT_MAPPING, MAPPING_TARGET, db_text(&row, COLUMN_TARGET));
		if (!str_equal(type, STR("always")))
			text_add_field(out, TEXT_MAPPING, MAPPING_TYPE, type);
		if (db_number(&row, COLUMN_COLLECTOR) != 0)
			text_add_field(out, TEXT_MAPPING, MAPPING_COLLECTOR, db_text(&row, COLUMN_COLLECTOR));
		text_add_field(out, TEXT_MAPPING, MAPPING_COMMENT, comment);
	}
	db_finalize(&row);
	return found;
}

/* The mappings from before, to tell what became of them. */
static const char old_mappings_table[] =
    "DROP TABLE IF EXISTS temp.old_mapping;"
    "CREATE TEMP TABLE old_mapping AS SELECT pattern, target, type, collector, comment FROM mapping;"
    "DELETE FROM mapping";

int mappings_import_begin(struct change *change, struct err *err)
{
	return db_exec(&change->config->db, old_mappings_table, err);
}

static int import_object(struct change *change, const struct text_object *object, struct err *err)
{
	struct mapping mapping = {.pattern = object->fields[MAPPING_PATTERN],
	                          .target = object->fields[MAPPING_TARGET],
	                          .comment = object->fields[MAPPING_COMMENT]};

	if (mapping.target.data == NULL)
		return err_set(err, ERR_SYNTAX, "a [mapping] needs a target");
	if (mapping_parse_type(object->fields[MAPPING_TYPE], &mapping.type, err) != 0 ||
	    mapping_parse_collector(object->fields[MAPPING_COLLECTOR], &mapping.collector, err) != 0 ||
	    mapping_normalise(change, &mapping, err) != 0)
		return -1;
	return mapping_store(change, &mapping, err);
}

/* A note for each mapping that is in one of the tables alone. */
static int note_difference(struct change *change, const char *sql, const char *what, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err, sql, "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1)
		change_note(change, "mapping %.*s to %.*s %s", STR_ARG(db_text(&row, 0)),
		            STR_ARG(smtp_target_show(db_text(&row, 1), &change->arena)), what);
	db_finalize(&row);
	return found;
}

int mappings_import(struct change *change, const struct text *text, struct err *err)
{
	for (const struct text_object *object = text->objects[TEXT_MAPPING]; object != NULL; object = object->next)
		if (import_object(change, object, err) != 0)
			return err_prefix(err, "import:%u", object->line);
	if (note_difference(change,
	                    "SELECT * FROM temp.old_mapping EXCEPT"
	                    " SELECT pattern, target, type, collector, comment FROM mapping",
	                    "deleted", err) != 0)
		return -1;
	return note_difference(change,
	                       "SELECT pattern, target, type, collector, comment FROM mapping EXCEPT"
	                       " SELECT * FROM temp.old_mapping",
	                       "added", err);
}
