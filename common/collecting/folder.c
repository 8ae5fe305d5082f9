#include "common/collecting/folder.h"

#define ARROW STR(" = ")

int collect_folder_parse(struct str line, struct arena *arena, struct collect_folder *folder_out, struct err *err)
{
	ptrdiff_t at = str_find(line, ARROW);
	bool lacks_target = str_ends_nocase(line, STR(" ="));

	*folder_out = (struct collect_folder){.name = str_trim(at >= 0 ? str_sub(line, 0, (size_t)at) : line)};
	if (folder_out->name.len == 0 || !str_is_utf8(folder_out->name))
		return err_set(err, ERR_SYNTAX, "the name of a folder is missing, or is no UTF-8");
	if (lacks_target)
		return err_set(err, ERR_SYNTAX, "behind \"%.*s\" who gets it is missing", STR_ARG(str_sub(line, 0, 80)));
	return at < 0 ? 0 : targets_parse(str_skip(line, (size_t)at + ARROW.len), arena, &folder_out->targets, err);
}

bool collect_folder_next(struct str *lines, struct str *line_out)
{
	while (lines->data != NULL) {
		*line_out = str_trim(str_cut(lines, '\n'));
		if (line_out->len > 0)
			return true;
	}
	return false;
}

int collect_folders_check(struct str lines, struct err *err)
{
	struct str names[COLLECT_FOLDERS_MAX], line;
	struct collect_folder folder;
	struct arena arena;
	size_t count = 0;
	int result = 0;

	arena_init(&arena);
	while (result == 0 && collect_folder_next(&lines, &line)) {
		result = collect_folder_parse(line, &arena, &folder, err);
		for (size_t i = 0; result == 0 && i < count; i++)
			if (str_equal(names[i], folder.name))
				result = err_set(err, ERR_SYNTAX, "the folder %.*s stands there twice",
				                 STR_ARG(str_sub(folder.name, 0, 80)));
		if (result == 0 && count == COLLECT_FOLDERS_MAX)
			result = err_set(err, ERR_LIMIT, "a collector has at most %d folders", COLLECT_FOLDERS_MAX);
		if (result == 0)
			names[count++] = folder.name;
	}
	arena_free(&arena);
	return result == 0 && count == 0 ? err_set(err, ERR_SYNTAX, "at least one folder is needed, such as INBOX")
	                                 : result;
}
