#include "common/rules/target.h"

#include "common/addr/addr.h"

static int check_address(struct str address, struct arena *arena, struct err *err)
{
	struct str whole = address;
	struct addr addr;
	struct err reason;

	/* A name is what could stand before the '@' of an address. */
	if (str_find_char(address, '@') < 0)
		whole = arena_printf(arena, "%.*s@example.com", STR_ARG(address));
	if (addr_parse_mailbox(whole, arena, &addr, &reason) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither a name nor an address: %s",
		               STR_ARG(str_sub(address, 0, 80)), reason.text);
	return 0;
}

static int check_folder(struct str folder, struct err *err)
{
	if (folder.len > TARGET_FOLDER_MAX)
		return err_set(err, ERR_LIMIT, "the name of a folder has at most %d octets", TARGET_FOLDER_MAX);
	if (!str_is_utf8(folder))
		return err_set(err, ERR_SYNTAX, "the name of a folder must be valid UTF-8");
	for (size_t i = 0; i < folder.len; i++)
		if ((unsigned char)folder.data[i] < 0x20 || folder.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "the name of a folder must not hold control characters");
	return 0;
}

int targets_parse(struct str text, struct arena *arena, struct rule_targets *targets, struct err *err)
{
	size_t room = str_count_char(text, ',') + 1;

	*targets = (struct rule_targets){.list = NULL};
	if (room > TARGETS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d addresses", TARGETS_MAX);
	targets->list = arena_get(arena, room * sizeof *targets->list);
	do {
		struct str folder = str_trim(str_cut(&text, ',')), address = str_cut_word(&folder);

		folder = str_trim(folder);
		if (address.len == 0)
			return err_set(err, ERR_SYNTAX, "an address is missing");
		if (check_address(address, arena, err) != 0 || check_folder(folder, err) != 0)
			return -1;
		targets->list[targets->count++] = (struct rule_target){arena_copy(arena, address), arena_copy(arena, folder)};
	} while (text.data != NULL);
	return 0;
}

struct str targets_format(const struct rule_targets *targets, struct arena *arena)
{
	struct str text = STR("");

	for (size_t i = 0; i < targets->count; i++) {
		const struct rule_target *target = &targets->list[i];

		text = arena_printf(arena, "%.*s%s%.*s%s%.*s", STR_ARG(text), i > 0 ? ", " : "", STR_ARG(target->address),
		                    target->folder.len > 0 ? " " : "", STR_ARG(target->folder));
	}
	return text;
}
