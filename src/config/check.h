/* The two halves of config_finish, apart so that a config can be checked where its files are not.
 */
#ifndef NESTOR_CONFIG_CHECK_H
#define NESTOR_CONFIG_CHECK_H

#include "config/faults.h"
#include "config/store.h"

/* Rules between keys; fills in what follows from others (cpu.vcpus, cpu.cores …). */
void check_values(struct config *c, struct faults *f);

/* The files that are read must be there, readable and regular. Looks, opens nothing. */
void check_files(const struct config *c, struct faults *f);

#endif
