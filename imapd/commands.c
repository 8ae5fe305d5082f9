/* imapd: the table of commands: what each is called, when it is allowed, what is announced because of it. */
#include "imapd/imapd.h"

/* One a line. */
/* clang-format off */
const struct command commands[] = {
    {"CAPABILITY", command_capability, AUTHENTICATED, false, "IMAP4rev1 IMAP4rev2 LITERAL+", NULL},
    {"NOOP", command_noop, AUTHENTICATED, false, NULL, NULL},
    {"LOGOUT", command_logout, AUTHENTICATED, false, NULL, NULL},
    {"ENABLE", command_enable, AUTHENTICATED, false, "ENABLE UTF8=ACCEPT", NULL},
    {NULL, NULL, AUTHENTICATED, false, NULL, NULL},
};
/* clang-format on */
