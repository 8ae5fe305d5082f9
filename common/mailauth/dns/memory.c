#include "common/mailauth/dns/memory.h"

#include "common/base/io.h"

void mailauth_memory_init(struct mailauth_memory *memory)
{
	*memory = (struct mailauth_memory){0};
	arena_init(&memory->arena);
}

void mailauth_memory_free(struct mailauth_memory *memory)
{
	arena_free(&memory->arena);
	memory->count = 0;
}

static void copy_answer(const struct mailauth_answer *answer, struct arena *arena, struct mailauth_answer *copy)
{
	*copy = *answer;
	copy->records = arena_get(arena, (answer->count + 1) * sizeof *copy->records);
	for (size_t i = 0; i < answer->count; i++)
		copy->records[i] = arena_copy(arena, answer->records[i]);
}

static size_t size_of(const struct mailauth_answer *answer)
{
	size_t size = 0;

	for (size_t i = 0; i < answer->count; i++)
		size += answer->records[i].len;
	return size;
}

static const struct mailauth_memory_entry *find(const struct mailauth_memory *memory, const char *name,
                                                enum mailauth_type type)
{
	for (size_t i = 0; i < memory->count; i++)
		if (memory->entries[i].type == type && str_equal_nocase(str_of(memory->entries[i].name), str_of(name)))
			return &memory->entries[i];
	return NULL;
}

static void forget(struct mailauth_memory *memory)
{
	arena_reset(&memory->arena);
	memory->count = memory->octets = 0;
}

static void remember(struct mailauth_memory *memory, const char *name, enum mailauth_type type,
                     const struct mailauth_answer *answer)
{
	struct mailauth_memory_entry *entry;
	size_t size = size_of(answer);

	if (memory->count == MAILAUTH_MEMORY_ANSWERS || memory->octets + size > MAILAUTH_MEMORY_OCTETS)
		forget(memory);
	if (size > MAILAUTH_MEMORY_OCTETS)
		return;
	if (memory->count == 0)
		memory->begun_ms = io_now_ms();
	entry = &memory->entries[memory->count++];
	entry->name = arena_text(&memory->arena, str_of(name));
	entry->type = type;
	copy_answer(answer, &memory->arena, &entry->answer);
	memory->octets += size;
}

static const struct mailauth_memory_entry *find_fresh(struct mailauth_memory *memory, const char *name,
                                                      enum mailauth_type type)
{
	if (io_now_ms() - memory->begun_ms > MAILAUTH_MEMORY_MS)
		forget(memory);
	return find(memory, name, type);
}

static int query(void *context, const char *name, enum mailauth_type type, int timeout_ms, struct arena *arena,
                 struct mailauth_answer *answer_out, struct err *err)
{
	struct mailauth_memory *memory = context;
	const struct mailauth_memory_entry *known = find_fresh(memory, name, type);

	if (known != NULL) {
		copy_answer(&known->answer, arena, answer_out);
		return 0;
	}
	if (memory->source.query(memory->source.context, name, type, timeout_ms, arena, answer_out, err) != 0)
		return -1;
	if (answer_out->status != MAILAUTH_TEMPORARY)
		remember(memory, name, type, answer_out);
	return 0;
}

static void foresee(void *context, const char *name, enum mailauth_type type, int timeout_ms)
{
	struct mailauth_memory *memory = context;

	if (memory->source.foresee != NULL && find_fresh(memory, name, type) == NULL)
		memory->source.foresee(memory->source.context, name, type, timeout_ms);
}

struct mailauth_dns mailauth_memory_dns(struct mailauth_memory *memory, const struct mailauth_dns *source)
{
	memory->source = *source;
	return (struct mailauth_dns){
	    .query = query, .foresee = foresee, .context = memory, .deadline_ms = source->deadline_ms};
}
