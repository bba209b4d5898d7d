/* SPDX-License-Identifier: MIT */
#include "unit/tools/tables.h"

/* clang-format off: a row a line */
const struct good_table good_tables[] = {
	{ "cpuid/data/features.tsv", "# name\taliases\tleaf\tsubleaf\tregister\tbit\tvendor\tnote\n"
				     "a\ta_1\t0x1\t-\teax\t0\tboth\tsays \"a\\b\"\n"
				     "b.c\t-\t0x7\t0x0\tedx\t31\tamd\t-\n"
				     "vmx\t-\t0x1\t-\tecx\t5\tintel\t-\n"
				     "svm\t-\t0x80000001\t-\tecx\t2\tamd\t-\n"
				     "npt\t-\t0x8000000a\t-\tedx\t0\tamd\t-\n" },
	{ "cpuid/data/msr-features.tsv", "# name\taliases\tmsr\tbit\tnote\n"
					 "m\t-\t0x10a\t40\t-\n" },
	{ "cpuid/data/vmx-features.tsv",
		"# name\tmsr\tbit\thalf\tcontrol\tnote\trequires\taliases\n"
		"v\t0x48b\t1\tallowed1\tproc2\tnote\ta\tv-2\n" },
	{ "cpuid/data/attributes.tsv", "# feature\tclasses\twhy\n"
				       "a\tmanaged,hint\twhy\n" },
	{ "cpuid/data/requires.tsv", "# feature\trequired\twhy\n"
				     "b.c\ta\twhy\n" },
	{ "cpuid/data/models.tsv", "# "
				   "model\tvendor\tfamily\tmodel_numbers\tbase\tfeatures\tvmx_"
				   "features\tsteppings\tqemu_extra\tsource\n"
				   "M\tintel\t6\t1,2\t-\ta\tv\t5-7\tm\ttest\n"
				   "N\t-\t-\t-\tM\ta b.c\t-\t-\t-\ttest\n" },
	{ "cpuid/data/minimum.tsv", "# feature\twhy\n"
				    "a\twhy\n" },
	{ "cpuid/data/fields.tsv",
		"# leaf\tsubleaf\tregister\tbits\tname\tkind\tcombine\trequires\tnote\n"
		"0x1\t-\teax\t1-7\tfield\tother\tmin\ta\t-\n"
		"0x7\t-\tedx\t31\tother\tother\tand\t-\t-\n"
		"0x7\t0x0\teax\t0-31\tmax\tmax_leaf\tmin\t-\t-\n" },
	{ "cpuid/data/leaves.tsv", "# leaf\tsubleaf\tsubleaves\ttitle\n"
				   "0x7\t-\tyes\tseven\n"
				   "0x7\t0x1\t-\tone of seven\n" },
	{ "cpuid/data/rules.tsv", "# id\ttitle\ttext\n"
				  "CPU-01\ttitle\ttext\n" },
	{ "cpuid/data/msrs.tsv", "# first\tcount\tstep\twrite\tname\tnote\n"
				 "0xc0000082\t1\t1\thost\tLSTAR\t-\n"
				 "0x10\t1\t1\trefuse\tIA32_TSC\twhy\n"
				 "0x400\t2\t4\tfault\tMC%_CTL\t-\n" },
	{ "nesting/rules.tsv", "# id\tkind\tfirst\tsecond\tthird\twhy\n"
			       "NEST-01\tcpuid\t0x1\tecx\t5\twhy\n"
			       "NEST-02\tcpuid\t0x8000000a\tall\tall\t\"w\\hy\"\n"
			       "NEST-03\tmsr\t0x3a\t0x480\tvmx\twhy\n"
			       "NEST-04\tnote\t-\t-\t-\twhy\n" },
	{ "nesting/data/hyperv.tsv", "# name\taliases\tkind\tbits\trequires\trecommended\tnote\n"
				     "hv-a\t-\tplain\t0x40000003.eax:1,9\t-\tany\tnote\n"
				     "hv-b\thv-c,hv-d\tnested\t0x40000004.eax:14 "
				     "0x4000000a.ebx:0-15=0x101\thv-a hv-a@amd\tintel\tnote\n"
				     "hv-e\t-\trefused\t-\t-\t-\twhy\n"
				     "hv-f\t-\tcapability\t-\t-\t-\twhy\n"
				     "hv-g\t-\tnumber\t0x40000004.ebx:0-31\t-\tamd\twhy\n" },
	{ "nesting/data/hyperv-rules.tsv", "# id\ttitle\ttext\n"
					   "HV-01\ttitle\ta \"text\"\n" },
	{ "nesting/data/generations.tsv", "# vendor\tfamily\tmodels\tsteppings\tgeneration\n"
					  "intel\t0x6\t0x1a,0x30-0x3f\t-\tNehalem\n"
					  "amd\t0x17\t-\t3\tany\n" },
	{ "nesting/data/hypervisors.tsv", "# signature\tname\tnesting\n"
					  "\"KVMKVMKVM\"\tKVM\tnested=1\n" },
	{ "nesting/data/parameters.tsv", "# module\tnames\twanted\tweight\tfeature\ttext\n"
					 "kvm_amd\tnpt,nested_paging\ty\tweakens\tnpt\ttext\n"
					 "kvm\tignore_msrs\t-\t-\t-\t-\n" },
	{ "nesting/data/kernel-problems.tsv",
		"# id\tvendor\tharm\tintroduced\tfixed\tsummary\tsource\n"
		"CVE-1\tany\tescape\t2.6.36\t6.12.95,7.1.2,7.2-rc1\tsummary\tsource\n" },
	{ "nesting/data/kernel-records.tsv", "# until\trecords\n"
					     "2026-09-25\tall of them\n" },
	{ "nesting/profiles/kvm.tsv", "# feature\tlevel\tvendor\treason\n"
				      "profile\tkvm\t512\tLinux KVM\n"
				      "v\twanted\tintel\twhy\n"
				      "a\trequired\tany\twhy (so)\n" },
	{ "nesting/profiles/xen.tsv", "# feature\tlevel\tvendor\treason\n"
				      "profile\txen\t0\tXen\n"
				      "npt\thidden\tamd\twhy\n" },
	{ "formats/data/qemu-models.tsv",
		"# "
		"model\tfamily\tmodel_"
		"number\tstepping\tlevel\txlevel\tsince\tlibvirt\tbrand\tlacks\n"
		"M\t6\t1\t5\t0xd\t0x80000008\t7.2\t9.0\ta \"brand\"\ta\n"
		"N\t0\t255\t0\t0x1\t0x0\t10.0\t-\t-\t-\n" },
	{ "formats/data/names-since.tsv", "# feature\tqemu\tlibvirt\n"
					  "a\t10.0\t-\n"
					  "vmx\t10.0\t11.3\n" },
	{ "formats/data/words-qemu.tsv", "# word\tfate\tnothing\tnote\n"
					 "hv-*\tcarried\t-\ta key\n"
					 "l3-cache\tlost\ton auto\t-\n" },
	{ "formats/data/words-libvirt.tsv", "# word\tfate\tnothing\tnote\n"
					    "cpu@mode\tsame\t-\t-\n" },
	{ "formats/data/words-firecracker.tsv", "# word\tfate\tnothing\tnote\n"
						"reg\trefused\t-\tof Arm\n" },
	{ "formats/data/words-toml.tsv", "# word\tfate\tnothing\tnote\n"
					 "*\tsame\t-\t-\n" },
};
/* clang-format on */

const size_t nr_good_tables = sizeof(good_tables) / sizeof(good_tables[0]);
