/* imapd: the table of commands: what each is called, when it is allowed, what is announced because of it. */
#include "imapd/imapd.h"

/* One a line. */
/* clang-format off */
const struct command commands[] = {
    {"CAPABILITY", command_capability, AUTHENTICATED, false, "IMAP4rev1 IMAP4rev2 LITERAL+", NULL},
    {"NOOP", command_noop, AUTHENTICATED, false, NULL, NULL},
    {"LOGOUT", command_logout, AUTHENTICATED, false, NULL, NULL},
    {"ENABLE", command_enable, AUTHENTICATED, false, "ENABLE UTF8=ACCEPT", NULL},
    {"SELECT", command_select, AUTHENTICATED, false, "CONDSTORE QRESYNC OBJECTID", NULL},
    {"EXAMINE", command_examine, AUTHENTICATED, false, NULL, NULL},
    {"UNSELECT", command_unselect, SELECTED, false, "UNSELECT", NULL},
    {"CLOSE", command_close, SELECTED, false, NULL, NULL},
    {"CHECK", command_check, SELECTED, false, NULL, NULL},
    {"EXPUNGE", command_expunge, SELECTED, false, NULL, NULL},
    {"UID EXPUNGE", command_expunge, SELECTED, false, "UIDPLUS", NULL},
    {"NOTIFY", command_notify, AUTHENTICATED, false, "NOTIFY", NULL},
    {"IDLE", command_idle, AUTHENTICATED, false, "IDLE", session_offers_idle},
    {"APPEND", command_append, AUTHENTICATED, false, "MULTIAPPEND", NULL},
    {"REPLACE", command_replace, SELECTED, false, "REPLACE", NULL},
    {"UID REPLACE", command_replace, SELECTED, false, NULL, NULL},
    {"STORE", command_store, SELECTED, true, NULL, NULL},
    {"UID STORE", command_store, SELECTED, false, NULL, NULL},
    {"FETCH", command_fetch, SELECTED, true, "BINARY PREVIEW SAVEDATE", NULL},
    {"UID FETCH", command_fetch, SELECTED, false, NULL, NULL},
    {"COPY", command_copy, SELECTED, false, NULL, NULL},
    {"UID COPY", command_copy, SELECTED, false, NULL, NULL},
    {"MOVE", command_move, SELECTED, false, "MOVE", NULL},
    {"UID MOVE", command_move, SELECTED, false, NULL, NULL},
    {"SEARCH", command_search, SELECTED, true, "ESEARCH SEARCHRES WITHIN CONTEXT=SEARCH PARTIAL", NULL},
    {"UID SEARCH", command_search, SELECTED, false, NULL, NULL},
    {"SORT", command_sort, SELECTED, true, "SORT SORT=DISPLAY ESORT CONTEXT=SORT", NULL},
    {"UID SORT", command_sort, SELECTED, false, NULL, NULL},
    {"THREAD", command_thread, SELECTED, true, "THREAD=REFERENCES THREAD=ORDEREDSUBJECT", NULL},
    {"UID THREAD", command_thread, SELECTED, false, NULL, NULL},
    {"CANCELUPDATE", command_cancelupdate, SELECTED, false, NULL, NULL},
    {NULL, NULL, AUTHENTICATED, false, NULL, NULL},
};
/* clang-format on */
