#ifndef POSTROOM_BASE_HIDDEN_H
#define POSTROOM_BASE_HIDDEN_H

/* What lists, results and exports show in place of a password. */
#define HIDDEN_PASSWORD "*****"

#endif
