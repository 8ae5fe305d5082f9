/* Unit tests of THREAD's algorithms, step by step (RFC 5256 section 3). */
#include "imapd/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 20000 };

static struct arena arena;
static struct thread_ids ids;
static struct thread_message messages[MAX];
static size_t count;
static struct buf text;

static int reset(void **state)
{
	(void)state;
	arena_reset(&arena);
	thread_ids_init(&ids, 0, &arena);
	count = 0;
	return 0;
}

static uint64_t subject_hash(const char *subject)
{
	return subject[0] != '\0' ? thread_hash(str_of(subject)) : 0;
}

/* A message: its id, its references separated by blanks, its base subject; later ones have later dates. */
static struct thread_message *message(const char *id, const char *references, const char *subject, bool is_reply)
{
	struct thread_message *new = &messages[count++];
	struct str rest = str_of(references);

	*new = (struct thread_message){.name = (uint32_t)count, .date = (int64_t)count, .subject = subject_hash(subject)};
	new->is_reply = is_reply;
	new->id = id[0] != '\0' ? thread_id(&ids, thread_hash(str_of(id))) : 0;
	new->references = arena_get(&arena, 32 * sizeof(uint32_t));
	for (struct str word = str_cut_word(&rest); word.len > 0; word = str_cut_word(&rest))
		new->references[new->reference_count++] = thread_id(&ids, thread_hash(word));
	return new;
}

static const char *by_references(void)
{
	buf_reset(&text);
	assert_int_equal(thread_write(thread_by_references(messages, count, ids.count, true, &arena), &text), 0);
	return buf_text(&text);
}

static const char *by_subject(void)
{
	buf_reset(&text);
	assert_int_equal(thread_write(thread_by_subject(messages, count, &arena), &text), 0);
	return buf_text(&text);
}

static void nothing_gives_nothing(void **state)
{
	(void)state;
	assert_string_equal(by_references(), "");
	assert_string_equal(by_subject(), "");
}

/* The tree of RFC 5256 section 4: "* THREAD (2)(3 6 (4 23)(44 7 96))". */
static void branches_are_written(void **state)
{
	(void)state;
	message("a", "", "A", false)->name = 2;
	message("b", "", "B", false)->name = 3;
	message("c", "b", "", true)->name = 6;
	message("d", "b c", "", true)->name = 4;
	message("e", "b c d", "", true)->name = 23;
	message("f", "b c", "", true)->name = 44;
	message("g", "b c f", "", true)->name = 7;
	message("h", "b c f g", "", true)->name = 96;
	assert_string_equal(by_references(), "(2)(3 6 (4 23)(44 7 96))");
}

static void missing_parents_hold_together(void **state)
{
	(void)state;
	/* Step 3: a dummy with two children stays at the top, one with a single child goes */
	message("b", "a", "B", true);
	message("c", "a", "C", true);
	message("e", "d", "E", true);
	assert_string_equal(by_references(), "((1)(2))(3)");
	reset(NULL);
	/* chains of dummies count as one */
	message("x", "a b c", "X", true);
	message("y", "a b d", "Y", true);
	message("z", "a b c x", "Z", true);
	assert_string_equal(by_references(), "((1 3)(2))");
}

static void children_may_come_first(void **state)
{
	(void)state;
	message("c", "a b", "S", true);
	message("b", "a", "S", true);
	message("a", "", "S", false);
	assert_string_equal(by_references(), "(3 2 1)");
}

static void wrong_links_are_corrected(void **state)
{
	(void)state;
	/* Step 1.B: b was linked below a by c's references; its own say otherwise */
	message("c", "a b", "C", false);
	message("a", "", "A", false);
	message("b", "", "B", false);
	assert_string_equal(by_references(), "(2)(3 1)");
}

static void loops_are_not_made(void **state)
{
	(void)state;
	message("a", "b", "A", false);
	message("b", "a", "B", false);
	assert_string_equal(by_references(), "(2 1)");
	reset(NULL);
	message("a", "a", "A", false);
	message("b", "c a b", "B", false);
	message("c", "b", "C", false);
	assert_true(strlen(by_references()) > 0);
}

static void first_of_equal_ids_has_it(void **state)
{
	(void)state;
	message("a", "", "A", false);
	message("a", "", "B", false);
	message("c", "a", "C", false);
	message("", "", "D", false);
	assert_string_equal(by_references(), "(1 3)(2)(4)");
}

static void subjects_join_threads(void **state)
{
	(void)state;
	/* Step 5.C: a reply goes below the original */
	message("a", "", "S", false);
	message("b", "", "S", true);
	/* two originals get a dummy */
	message("c", "", "T", false);
	message("d", "", "T", false);
	message("e", "", "T", false);
	/* none is joined by an empty subject */
	message("f", "", "", false);
	message("g", "", "", false);
	assert_string_equal(by_references(), "(1 2)((3)(4)(5))(6)(7)");
	reset(NULL);
	/* a reply that comes first gives its place in the table to the original */
	message("a", "", "S", true);
	message("b", "", "S", false);
	assert_string_equal(by_references(), "(2 1)");
	reset(NULL);
	/* two dummies: their children become siblings; the subject is the first child's */
	message("b", "a", "S", true);
	message("c", "a", "Y", true);
	message("e", "d", "S", true);
	message("f", "d", "Z", true);
	message("g", "", "S", false);
	assert_string_equal(by_references(), "((1)(2)(3)(4)(5))");
}

static void siblings_are_sorted_by_date(void **state)
{
	(void)state;
	message("a", "", "A", false)->date = 10;
	message("b", "a", "B", false)->date = 9;
	message("c", "a", "C", false)->date = 8;
	message("d", "", "D", false)->date = 1;
	message("e", "", "E", false)->date = 10;
	assert_string_equal(by_references(), "(4)(1 (3)(2))(5)");
}

static void subjects_are_grouped(void **state)
{
	(void)state;
	message("", "", "B", false)->date = 5;
	message("", "", "A", false)->date = 4;
	message("", "", "B", true)->date = 3;
	message("", "", "A", true)->date = 9;
	message("", "", "B", true)->date = 7;
	assert_string_equal(by_subject(), "(3 (1)(5))(2 4)");
}

static void long_chains_are_no_trouble(void **state)
{
	char id[16], parent[16] = "";

	(void)state;
	for (int i = 0; i < MAX; i++) {
		snprintf(id, sizeof id, "m%d", i);
		message(id, parent, "S", i > 0);
		memcpy(parent, id, sizeof id);
	}
	assert_true(str_starts(str_of(by_references()), STR("(1 2 3 4 ")));
	reset(NULL);
	for (int i = MAX; i > 0; i--) { /* children first */
		snprintf(id, sizeof id, "m%d", i);
		snprintf(parent, sizeof parent, "m%d", i - 1);
		message(id, parent, "S", true);
	}
	assert_true(str_starts(str_of(by_references()), STR("(20000 19999 ")));
}

static const char *newest(size_t first, size_t last, size_t count_expected)
{
	struct thread_node *root = thread_by_references(messages, count, ids.count, false, &arena);

	buf_reset(&text);
	assert_int_equal(thread_keep_newest(root, messages, count, first, last, &arena), count_expected);
	assert_int_equal(thread_write_flat(root, &text), 0);
	return buf_text(&text);
}

static void newest_threads_come_first(void **state)
{
	(void)state;
	assert_string_equal(newest(1, 10, 0), "");
	message("a", "", "A", false);
	message("c", "", "C", false);
	message("d", "x", "D", false); /* siblings whose parent is missing */
	message("e", "x", "E", false);
	message("b", "a", "B", true);
	message("f", "a b", "F", true);
	message("g", "a", "G", true);
	message("h", "", "H", false)->date = 0; /* the date does not count */
	assert_string_equal(newest(1, 10, 4), "(8 0) (1 0 5 1 6 2 7 1) (3 0 4 0) (2 0)");
	assert_string_equal(newest(2, 3, 4), "(1 0 5 1 6 2 7 1) (3 0 4 0)");
	assert_string_equal(newest(4, 4, 4), "(2 0)");
	assert_string_equal(newest(5, 9, 4), "");
}

/* 20,000 pairs of one subject, none of them a reply: time has to grow with their number, not with its square. */
static void many_subjects_are_joined(void **state)
{
	char subject[16];

	(void)state;
	for (int i = 0; i < MAX; i++) {
		snprintf(subject, sizeof subject, "s%d", i % (MAX / 2));
		message("", "", subject, false);
	}
	assert_true(str_starts(str_of(by_references()), STR("((1)(10001))((2)(10002))")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(nothing_gives_nothing, reset),
	    cmocka_unit_test_setup(branches_are_written, reset),
	    cmocka_unit_test_setup(missing_parents_hold_together, reset),
	    cmocka_unit_test_setup(children_may_come_first, reset),
	    cmocka_unit_test_setup(wrong_links_are_corrected, reset),
	    cmocka_unit_test_setup(loops_are_not_made, reset),
	    cmocka_unit_test_setup(first_of_equal_ids_has_it, reset),
	    cmocka_unit_test_setup(subjects_join_threads, reset),
	    cmocka_unit_test_setup(siblings_are_sorted_by_date, reset),
	    cmocka_unit_test_setup(subjects_are_grouped, reset),
	    cmocka_unit_test_setup(long_chains_are_no_trouble, reset),
	    cmocka_unit_test_setup(newest_threads_come_first, reset),
	    cmocka_unit_test_setup(many_subjects_are_joined, reset),
	};

	arena_init(&arena);
	buf_init(&text, 1 << 24);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
