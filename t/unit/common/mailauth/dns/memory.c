/* What is remembered of the DNS: whole answers, of names without case, nothing temporary, and not too much. */
#include "common/mailauth/dns/memory.h"
#include "common/mailauth/dns/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct scene {
	struct arena table_arena, arena;
	struct mailauth_table table;
	struct mailauth_memory memory;
};

static void set_up(struct scene *scene)
{
	arena_init(&scene->table_arena);
	arena_init(&scene->arena);
	mailauth_table_init(&scene->table, &scene->table_arena);
	mailauth_table_add(&scene->table, "a.test", MAILAUTH_TXT, STR("v=spf1 -all"), NULL);
	mailauth_table_add(&scene->table, "a.test", MAILAUTH_A, STR("192.0.2.1"), NULL);
	mailauth_table_fail(&scene->table, "broken.test");
	mailauth_memory_init(&scene->memory);
}

static void tear_down(struct scene *scene)
{
	mailauth_memory_free(&scene->memory);
	arena_free(&scene->arena);
	arena_free(&scene->table_arena);
}

/* Ask in an arena that is empty afterwards; the status. */
static enum mailauth_status ask(struct scene *scene, const char *name, enum mailauth_type type, const char *record)
{
	const struct mailauth_dns source = mailauth_table_dns(&scene->table);
	const struct mailauth_dns dns = mailauth_memory_dns(&scene->memory, &source);
	struct mailauth_answer answer;

	mailauth_query(&dns, str_of(name), type, &scene->arena, &answer, NULL);
	if (record != NULL) {
		assert_int_equal(answer.count, 1);
		assert_true(str_equal(answer.records[0], str_of(record)));
	}
	arena_reset(&scene->arena);
	return answer.status;
}

static void test_asked_once(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(&scene, i == 1 ? "A.Test" : "a.test", MAILAUTH_TXT, "\x0bv=spf1 -all"), MAILAUTH_FOUND);
		assert_int_equal(ask(&scene, "a.test", MAILAUTH_A, NULL), MAILAUTH_FOUND);
		assert_int_equal(ask(&scene, "a.test", MAILAUTH_MX, NULL), MAILAUTH_NODATA);
		assert_int_equal(ask(&scene, "b.test", MAILAUTH_MX, NULL), MAILAUTH_NXDOMAIN);
	}
	assert_int_equal(scene.table.questions, 4);
	tear_down(&scene);
}

static void test_temporary_is_not_kept(void **state)
{
	struct scene scene;

	(void)state;
	set_up(&scene);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(&scene, "broken.test", MAILAUTH_A, NULL), MAILAUTH_TEMPORARY);
	assert_int_equal(scene.table.questions, 3);
	assert_int_equal(scene.memory.count, 0);
	tear_down(&scene);
}

static void test_limits(void **state)
{
	struct scene scene;
	char name[32];

	(void)state;
	set_up(&scene);
	for (int i = 0; i <= MAILAUTH_MEMORY_ANSWERS; i++) {
		snprintf(name, sizeof name, "n%d.test", i);
		assert_int_equal(ask(&scene, name, MAILAUTH_A, NULL), MAILAUTH_NXDOMAIN);
	}
	assert_int_equal(scene.memory.count, 1); /* it was full, and began anew */
	scene.memory.begun_ms -= MAILAUTH_MEMORY_MS + 1;
	scene.table.questions = 0;
	assert_int_equal(ask(&scene, name, MAILAUTH_A, NULL), MAILAUTH_NXDOMAIN);
	assert_int_equal(scene.table.questions, 1); /* its time was over */
	tear_down(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_asked_once),
	    cmocka_unit_test(test_temporary_is_not_kept),
	    cmocka_unit_test(test_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mailauth dns memory", tests, NULL, NULL);
}
