/* SPDX-License-Identifier: MIT */
/*
 * What is below a host, if anything: which hypervisor, whether this machine is one of its guests or
 * the partition (domain) that controls it, and what it takes there to get VMX or SVM. Pure.
 */
#ifndef NESTOR_NESTING_BELOW_H
#define NESTOR_NESTING_BELOW_H

#include "nesting/status.h"

/* Fills what status has of the hypervisor below, from signature to xen_control. */
void nesting_below(const struct nesting_host *host, struct nesting_host_status *status);

/* Where the processor shows neither VMX nor SVM: the finding, with why and what to do. */
void nesting_below_no_extensions(struct nesting_host_status *status);

/* What is to be said of the level that this host is on. */
void nesting_below_level(const struct nesting_host *host, struct nesting_host_status *status);

#endif
