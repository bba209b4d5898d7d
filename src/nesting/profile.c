/* SPDX-License-Identifier: MIT */
#include "nesting/profile.h"

#include <string.h>

#include "nesting/profiles.inc"

const struct nesting_profile *nesting_profiles(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(profiles);
	return profiles;
}

const struct nesting_profile *nesting_profile_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	}
	return NULL;
}

const struct nesting_profile_row *nesting_profile_row(
	const struct nesting_profile *profile, enum cpuid_vendor vendor, feature_id feature)
{
	for (size_t i = 0; i < profile->nr_rows; i++) {
		const struct nesting_profile_row *row = &profile->rows[i];
		if (row->feature == feature &&
			(row->vendor == CPUID_VENDOR_OTHER || row->vendor == vendor))
			return row;
	}
	return NULL;
}

const char *nesting_level_name(enum nesting_level level)
{
	switch (level) {
	case NESTING_REQUIRED:
		return "required";
	case NESTING_WANTED:
		return "wanted";
	case NESTING_HIDDEN:
		return "hidden";
	}
	return "";
}
