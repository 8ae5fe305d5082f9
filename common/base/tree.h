/*
 * tree: a folder with all that is in it goes.
 */
#ifndef POSTROOM_BASE_TREE_H
#define POSTROOM_BASE_TREE_H

#include "common/base/err.h"

enum { TREE_DEPTH_MAX = 16 };

/*
 * Remove a folder of the open folder `parent`, and what is below it; symbolic links are removed, not followed. 1: it is
 * gone, 0: there was none, -1: ERR_SYSTEM, ERR_LIMIT (folders nested too deep); some may be gone then.
 */
int tree_remove(int parent, const char *name, struct err *err);

#endif
