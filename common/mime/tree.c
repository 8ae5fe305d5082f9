#include "common/mime/mime.h"

struct mime_part *mime_next(const struct mime_part *part)
{
	if (part->first_child != NULL)
		return part->first_child;
	while (part != NULL && part->next == NULL)
		part = part->parent;
	return part != NULL ? part->next : NULL;
}

bool mime_is(const struct mime_part *part, const char *type, const char *subtype)
{
	return str_equal_nocase(part->type, str_of(type)) &&
	       (subtype == NULL || str_equal_nocase(part->subtype, str_of(subtype)));
}

/* Number n within a message (its root part) or within a multipart. */
static struct mime_part *numbered(struct mime_part *part, uint32_t n)
{
	if (part->kind != MIME_MULTIPART)
		return n == 1 ? part : NULL;
	part = part->first_child;
	while (part != NULL && --n > 0)
		part = part->next;
	return part;
}

struct mime_part *mime_find(struct mime_part *root, const uint32_t *numbers, size_t count)
{
	struct mime_part *part = root;

	for (size_t i = 0; i < count; i++) {
		if (numbers[i] == 0)
			return NULL;
		if (i != 0 && part->kind == MIME_LEAF)
			return NULL;
		if (i != 0 && part->kind == MIME_MESSAGE)
			part = part->first_child;
		part = part != NULL ? numbered(part, numbers[i]) : NULL;
		if (part == NULL)
			return NULL;
	}
	return part;
}

const struct mime_param *mime_param(const struct mime_params *params, const char *name)
{
	const struct mime_param *found = NULL;

	for (size_t i = 0; i < params->count; i++)
		if (str_equal_nocase(params->list[i].name, str_of(name)) && (found == NULL || params->list[i].is_extended))
			found = &params->list[i];
	return found;
}
