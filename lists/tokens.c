#include "lists/lists.h"

#include "common/base/io.h"

enum { AGAIN_SECONDS = 3600 };

int token_make(struct listd *listd, struct token *token, struct err *err)
{
	/* who asks again and again in somebody else's name is not to fill that one's mailbox */
	int asked = db_query_number(&listd->db, NULL, err,
	                            "SELECT 1 FROM token WHERE list = ? AND action = ? AND address = ? AND time > ?",
	                            "nttn", token->list, token->action, token->address, listd_time() - AGAIN_SECONDS);

	if (asked < 0)
		return -1;
	if (asked == 1)
		return err_set(err, ERR_EXISTS, "a message with a token for this was sent already");
	io_random_hex(token->token, TOKEN_LEN);
	return db_query_run(
	    &listd->db, err, "INSERT INTO token(token, list, action, address, moderator, time) VALUES(?, ?, ?, ?, ?, ?)",
	    "tntttn", str_of(token->token), token->list, token->action, token->address, token->moderator, listd_time());
}

int token_find(struct listd *listd, struct str text, struct arena *arena, struct token *token_out, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_query(&listd->db, &query, err,
	             "SELECT token, list, action, address, moderator FROM token WHERE token = lower(?) AND time > ?", "tn",
	             text, listd_time() - (int64_t)TOKEN_DAYS * DAY_SECONDS) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1) {
		*token_out = (struct token){
		    .list = db_number(&query, 1),
		    .action = arena_copy(arena, db_text(&query, 2)),
		    .address = arena_copy(arena, db_text(&query, 3)),
		    .moderator = arena_copy(arena, db_text(&query, 4)),
		};
		str_copy(db_text(&query, 0), token_out->token, sizeof token_out->token);
	}
	db_finalize(&query);
	return row;
}

int token_delete(struct listd *listd, const struct token *token, struct err *err)
{
	return db_query_run(&listd->db, err, "DELETE FROM token WHERE token = ?", "t", str_of(token->token));
}
