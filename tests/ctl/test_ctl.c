/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control server over real sockets. */
#include <stdlib.h>

#include "live.h"

int main(void)
{
	Suite *s = suite_create("ctl");
	SRunner *sr = srunner_create(s);
	int failed;

	add_answers(s);
	add_attacks(s);
	add_events(s);
	add_clients(s);
	add_dumps(s);
	add_rights(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
