#include "config/keys.h"

#include "config/text.h"
#include "config/units.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define AT(field) offsetof(struct vm_config, field)
#define HOURS_MS(n) (UINT64_C(3600000) * (n))

enum { ARRAY_SERIAL, ARRAY_MODULES };

const struct key_array key_arrays[KEY_NR_ARRAYS] = {
	[ARRAY_SERIAL] = {
		.name = "serial",
		.count_offset = AT(nr_serials),
		.stride = sizeof(struct config_serial),
		.max = CONFIG_MAX_SERIALS,
	},
	[ARRAY_MODULES] = {
		.name = "boot.modules",
		.count_offset = AT(boot.nr_modules),
		.stride = sizeof(struct config_module),
		.max = CONFIG_MAX_MODULES,
	},
};

/* Each list in the order of its enum in vm_config.h. */
static const char *const words_hugepages[] = { "false", "2M", "1G", NULL };
static const char *const words_decompress[] = { "auto", "host", "guest", NULL };
static const char *const words_protocol[] = { "auto", "linux64", "linux32", "pvh", "multiboot",
	NULL };
static const char *const words_irqchip[] = { "kernel", "split", NULL };
static const char *const words_serial_mode[] = { "stdio", "file", "null", NULL };
static const char *const words_on_reboot[] = { "restart", "exit", NULL };

/* Sections stand together, and keys of arrays of tables come last in theirs: TOML wants it so. */
const struct key key_table[] = {
	{
		.name = "name",
		.type = KEY_NAME,
		.offset = AT(name),
		.max = 64,
		.initial = "vm",
		.help = "what messages and the process list call the VM",
	},
	{
		.name = "memory.size",
		.type = KEY_SIZE,
		.offset = AT(memory.size_bytes),
		.min = 16 * MIB,
		.max = 1024 * GIB,
		.initial = "256M",
		.unit = "bytes",
		.help = "guest RAM",
	},
	{
		.name = "memory.hugepages",
		.type = KEY_WORD,
		.offset = AT(memory.hugepages),
		.words = words_hugepages,
		.initial = "false",
		.help = "back guest RAM with reserved huge pages of this size",
	},
	{
		.name = "memory.prealloc",
		.type = KEY_BOOLEAN,
		.offset = AT(memory.prealloc),
		.initial = "false",
		.help = "take all of guest RAM from the host before the start",
	},
	{
		.name = "memory.shared",
		.type = KEY_BOOLEAN,
		.offset = AT(memory.shared),
		.initial = "false",
		.help = "guest RAM in a memfd that helper processes can map",
	},
	{
		.name = "cpu.vcpus",
		.type = KEY_INTEGER,
		.offset = AT(cpu.vcpus),
		.min = 1,
		.max = CONFIG_MAX_VCPUS,
		.help = "number of vCPUs",
	},
	{
		.name = "cpu.sockets",
		.type = KEY_INTEGER,
		.offset = AT(cpu.sockets),
		.min = 1,
		.max = CONFIG_MAX_VCPUS,
		.help = "sockets of the VM",
	},
	{
		.name = "cpu.cores",
		.type = KEY_INTEGER,
		.offset = AT(cpu.cores),
		.min = 1,
		.max = CONFIG_MAX_VCPUS,
		.help = "cores of a socket",
	},
	{
		.name = "cpu.threads",
		.type = KEY_INTEGER,
		.offset = AT(cpu.threads),
		.min = 1,
		.max = CONFIG_MAX_VCPUS,
		.help = "threads of a core",
	},
	{
		.name = "cpu.pinning",
		.type = KEY_INTEGERS,
		.offset = AT(cpu.pinning),
		.max = 4095,
		.count_offset = AT(cpu.nr_pinning),
		.max_count = CONFIG_MAX_VCPUS,
		.help = "the host CPU of each vCPU",
	},
	{
		.name = "boot.kernel",
		.type = KEY_PATH,
		.offset = AT(boot.kernel),
		.help = "the kernel image",
	},
	{
		.name = "boot.initrd",
		.type = KEY_PATH,
		.offset = AT(boot.initrd),
		.help = "the initial RAM disk",
	},
	{
		.name = "boot.cmdline",
		.type = KEY_STRING,
		.offset = AT(boot.cmdline),
		.max = KEY_TEXT_MAX,
		.help = "the kernel's command line",
	},
	{
		.name = "boot.protocol",
		.type = KEY_WORD,
		.offset = AT(boot.protocol),
		.words = words_protocol,
		.initial = "auto",
		.help = "how the kernel is entered",
	},
	{
		.name = "boot.decompress",
		.type = KEY_WORD,
		.offset = AT(boot.decompress),
		.words = words_decompress,
		.initial = "auto",
		.help = "who unpacks a compressed Linux kernel",
	},
	{
		.name = "boot.device_tree",
		.type = KEY_BOOLEAN,
		.offset = AT(boot.device_tree),
		.initial = "false",
		.help = "pass a flattened device tree to Linux",
	},
	{
		.name = "boot.modules[].path",
		.type = KEY_PATH,
		.offset = AT(boot.modules[0].path),
		.array = &key_arrays[ARRAY_MODULES],
		.help = "the module's file",
	},
	{
		.name = "boot.modules[].cmdline",
		.type = KEY_STRING,
		.offset = AT(boot.modules[0].cmdline),
		.array = &key_arrays[ARRAY_MODULES],
		.max = KEY_TEXT_MAX,
		.help = "the module's command line",
	},
	{
		.name = "machine.irqchip",
		.type = KEY_WORD,
		.offset = AT(machine.irqchip),
		.words = words_irqchip,
		.initial = "kernel",
		.help = "where the interrupt controllers are",
	},
	{
		.name = "serial[].mode",
		.type = KEY_WORD,
		.offset = AT(serials[0].mode),
		.array = &key_arrays[ARRAY_SERIAL],
		.words = words_serial_mode,
		.initial = "stdio",
		.help = "where the serial port leads",
	},
	{
		.name = "serial[].path",
		.type = KEY_PATH,
		.offset = AT(serials[0].path),
		.array = &key_arrays[ARRAY_SERIAL],
		.help = "the file that a port of mode \"file\" writes",
	},
	{
		.name = "debug_exit.enabled",
		.type = KEY_BOOLEAN,
		.offset = AT(debug_exit.enabled),
		.initial = "true",
		.help = "let the guest end the VM with a status",
	},
	{
		.name = "debug_exit.port",
		.type = KEY_PORT,
		.offset = AT(debug_exit.port),
		.max = 0xffff,
		.initial = "0xf4",
		.unit = "I/O port number",
		.help = "the port that the guest writes its status to",
	},
	{
		.name = "debug_console.enabled",
		.type = KEY_BOOLEAN,
		.offset = AT(debug_console.enabled),
		.initial = "true",
		.help = "give the guest a port that prints bytes",
	},
	{
		.name = "debug_console.port",
		.type = KEY_PORT,
		.offset = AT(debug_console.port),
		.max = 0xffff,
		.initial = "0xe9",
		.unit = "I/O port number",
		.help = "the port that the guest writes its bytes to",
	},
	{
		.name = "debug_console.path",
		.type = KEY_PATH,
		.offset = AT(debug_console.path),
		.help = "the file that gets the bytes, instead of stderr",
	},
	{
		.name = "lifecycle.on_reboot",
		.type = KEY_WORD,
		.offset = AT(lifecycle.on_reboot),
		.words = words_on_reboot,
		.initial = "restart",
		.help = "what a reboot by the guest does",
	},
	{
		.name = "lifecycle.stop_timeout",
		.type = KEY_DURATION,
		.offset = AT(lifecycle.stop_timeout_ms),
		.max = HOURS_MS(24),
		.initial = "30s",
		.unit = "seconds",
		.help = "how long a guest may take to power off when asked to stop",
	},
	{
		.name = "nesting.expose_virtualization_extensions",
		.type = KEY_BOOLEAN,
		.offset = AT(nesting.expose_virtualization_extensions),
		.initial = "false",
		.help = "let the guest be a hypervisor: show it VMX or SVM",
	},
};
const size_t key_count = ARRAY_SIZE(key_table);

const char *const key_sections[] = {
	"memory",
	"cpu",
	"boot",
	"machine",
	"debug_exit",
	"debug_console",
	"lifecycle",
	"nesting",
	NULL,
};

static_assert(ARRAY_SIZE(key_table) <= CONFIG_MAX_KEYS, "raise CONFIG_MAX_KEYS");
static_assert(CONFIG_MAX_MODULES <= CONFIG_MAX_ELEMENTS, "raise CONFIG_MAX_ELEMENTS");
static_assert(CONFIG_MAX_SERIALS <= CONFIG_MAX_ELEMENTS, "raise CONFIG_MAX_ELEMENTS");

size_t key_index(const struct key *key)
{
	return (size_t)(key - key_table);
}

const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < key_count; i++) {
		if (strcmp(key_table[i].name, name) == 0)
			return &key_table[i];
	}
	return NULL;
}

const struct key_array *key_array_find(const char *name)
{
	for (size_t i = 0; i < KEY_NR_ARRAYS; i++) {
		if (strcmp(key_arrays[i].name, name) == 0)
			return &key_arrays[i];
	}
	return NULL;
}

size_t key_array_index(const struct key_array *array)
{
	return (size_t)(array - key_arrays);
}

bool key_is_section(const char *name)
{
	for (size_t i = 0; key_sections[i]; i++) {
		if (strcmp(key_sections[i], name) == 0)
			return true;
	}
	return false;
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* Reads "N" or "[N]" at *p, up to the next dot or the end. */
static int parse_index(const char **p, unsigned *ret_index)
{
	const char *s = *p;
	bool bracket = *s == '[';
	unsigned value = 0;
	if (bracket)
		s++;
	if (!is_digit(*s))
		return -EINVAL;
	for (; is_digit(*s); s++) {
		if (value > 9999)
			return -EINVAL;
		value = value * 10 + (unsigned)(*s - '0');
	}
	if (bracket && *s++ != ']')
		return -EINVAL;
	if (*s != '\0' && *s != '.')
		return -EINVAL;
	*p = s;
	*ret_index = value;
	return 0;
}

int key_parse_path(const char *path, char ret_name[KEY_PATH_BYTES], unsigned *ret_index)
{
	size_t used = 0;
	bool indexed = false;
	*ret_index = 0;
	for (const char *p = path; *p != '\0';) {
		bool bracket = *p == '[';
		bool number = *p == '.' && is_digit(p[1]);
		if (used + 3 >= KEY_PATH_BYTES)
			return -EINVAL;
		if (!bracket && !number) {
			if (*p == ']')
				return -EINVAL;
			ret_name[used++] = *p++;
			continue;
		}
		p += number ? 1 : 0;
		if (indexed || parse_index(&p, ret_index) < 0)
			return -EINVAL;
		indexed = true;
		ret_name[used++] = '[';
		ret_name[used++] = ']';
	}
	ret_name[used] = '\0';
	return used > 0 ? 0 : -EINVAL;
}

char *key_format_path(char text[KEY_PATH_BYTES], const char *name, unsigned index)
{
	const char *open = strstr(name, "[]");
	if (open)
		(void)snprintf(text, KEY_PATH_BYTES, "%.*s[%u]%s", (int)(open - name), name, index,
			open + 2);
	else
		(void)snprintf(text, KEY_PATH_BYTES, "%s", name);
	return text;
}

static void expects_words(char *text, size_t capacity, const struct key *key)
{
	size_t used = 0;
	for (size_t i = 0; key->words[i] && used < capacity; i++) {
		const char *quote = strcmp(key->words[i], "false") == 0 ? "" : "\"";
		const char *glue = i == 0 ? "" : key->words[i + 1] ? ", " : " or ";
		int n = snprintf(text + used, capacity - used, "%s%s%s%s", glue, quote,
			key->words[i], quote);
		used += (size_t)n;
	}
}

char *key_expects(char *text, size_t capacity, const struct key *key)
{
	char low[UNITS_TEXT_BYTES], high[UNITS_TEXT_BYTES];
	text[0] = '\0';
	switch (key->type) {
	case KEY_BOOLEAN:
		(void)snprintf(text, capacity, "true or false");
		break;
	case KEY_INTEGER:
		(void)snprintf(text, capacity, "an integer from %" PRIu64 " to %" PRIu64, key->min,
			key->max);
		break;
	case KEY_PORT:
		(void)snprintf(text, capacity, "an integer from %#" PRIx64 " to %#" PRIx64,
			key->min, key->max);
		break;
	case KEY_SIZE:
		units_format_size(low, key->min);
		units_format_size(high, key->max);
		(void)snprintf(text, capacity,
			"a size from \"%s\" to \"%s\", in bytes or with a unit (K M G T, KiB MiB "
			"GiB TiB, kB MB GB TB)",
			low, high);
		break;
	case KEY_DURATION:
		units_format_duration(high, key->max);
		(void)snprintf(text, capacity,
			"a duration up to \"%s\", in seconds or with a unit (ms, s, m, h)", high);
		break;
	case KEY_WORD:
		expects_words(text, capacity, key);
		break;
	case KEY_NAME:
		(void)snprintf(text, capacity,
			"a string of 1 to %" PRIu64 " letters, digits, \".\", \"_\" and \"-\", "
			"the first a letter, a digit or \"_\"",
			key->max);
		break;
	case KEY_STRING:
		(void)snprintf(text, capacity, "a string of at most %" PRIu64 " bytes", key->max);
		break;
	case KEY_PATH:
		(void)snprintf(text, capacity, "a string, the path of a file");
		break;
	case KEY_INTEGERS:
		(void)snprintf(text, capacity,
			"an array of up to %u integers from %" PRIu64 " to %" PRIu64,
			key->max_count, key->min, key->max);
		break;
	}
	return text;
}
