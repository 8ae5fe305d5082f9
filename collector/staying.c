#include "collector/staying.h"

/* One after the other, in an order that does not change by itself. */
static const char settings_sql[] =
    "SELECT part, key, value FROM (SELECT 'server' AS part, key, value FROM setting"
    " UNION ALL SELECT 'collector', key, value FROM collector_setting WHERE collector = ?1"
    " UNION ALL SELECT 'connection ' || connection, key, value FROM collector_connection JOIN connection_setting"
    " USING (connection) WHERE collector = ?1"
    " UNION ALL SELECT 'rule ' || position || ' ' || id, key, value FROM item JOIN item_field ON item = id"
    " WHERE kind = 'download-rule') ORDER BY part, key";

bool staying_is_set(const struct collector_settings *settings)
{
	return strcmp(settings->texts[COLLECTOR_SETTING_METHOD], "imap") == 0 &&
	       settings->numbers[COLLECTOR_SETTING_IMAP_IDLE] != 0 && settings->numbers[COLLECTOR_SETTING_ENABLED] != 0;
}

bool staying_is_wanted(struct collectord *collectord, int64_t collector)
{
	struct collector_settings settings;
	struct arena arena;
	bool result;

	arena_init(&arena);
	result = collector_load(&collectord->settings.objects, collector, &arena, &settings, NULL) > 0 &&
	         staying_is_set(&settings);
	arena_free(&arena);
	return result;
}

void staying_digest(struct collectord *collectord, int64_t collector, unsigned char bytes[DIGEST_LEN])
{
	struct mime_source nothing = mime_source_memory(STR(""));
	struct db_statement row;
	struct buf text;
	int found = -1;

	buf_init(&text, SIZE_MAX);
	if (db_prepare(&collectord->settings.objects, &row, settings_sql, NULL) == 0) {
		db_bind_number(&row, 1, collector);
		while ((found = db_step(&row, NULL)) == 1)
			for (int column = 0; column < 3; column++) {
				buf_add_str(&text, db_text(&row, column));
				buf_add_char(&text, '\0');
			}
		db_finalize(&row);
	}
	if (found < 0 || digest_make(buf_str(&text), &nothing, 0, bytes, NULL) != 0)
		memset(bytes, 0, DIGEST_LEN);
	buf_free(&text);
}

bool staying_has_changed(struct collectord *collectord, int64_t collector, const unsigned char before[DIGEST_LEN])
{
	unsigned char now[DIGEST_LEN];

	staying_digest(collectord, collector, now);
	return memcmp(before, now, DIGEST_LEN) != 0;
}
