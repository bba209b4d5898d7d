# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # the driver sets $work and $out; the cases use what is set here
# For the lab's cases, which run inside L0 with BusyBox: starts nestor, talks to
# the guest's COM1, and checks. The first check that fails ends the case and
# shows what was seen.
#
# Files of the running VM: $console (COM1, without carriage returns) and
# $messages (nestor's stderr). $status is nestor's exit status once it ended.
# Times are in seconds of L0's clock; $patience is how long anything may take at
# most: much by the real clock, which a busy computer slows down, less by the
# virtual one, where a second of work takes three to ten of wall time.
set -u

nestor=/lab/nestor
patience=${LAB_PATIENCE:-20}
console=$work/console
messages=$work/messages
status=
vm_pid=
# L0's own extension and KVM module, and so its guests'.
if grep -qm1 '^vendor_id.*GenuineIntel' /proc/cpuinfo; then
	extension=vmx
	kvm_module=kvm-intel
else
	extension=svm
	kvm_module=kvm-amd
fi

show() {
	if [ -e "$work/raw" ]; then
		echo "--- the guest's console (last 60 lines):"
		tr -d '\r' <"$work/raw" | tail -n 60
	fi
	if [ -s "$messages" ]; then
		echo "--- nestor's messages (last 40 lines):"
		tail -n 40 "$messages"
	fi
}
# Where each thread of a nestor that hangs is.
show_threads() {
	echo "--- nestor's threads:"
	for vm_task in "/proc/$vm_pid/task"/*; do
		echo "$(cat "$vm_task/comm"): $(cut -d' ' -f3,14,15 "$vm_task/stat") (state, user and system ticks)," \
			"system call $(cat "$vm_task/syscall")"
		head -n 6 "$vm_task/stack"
	done
}
fail() {
	echo "$*"
	show
	exit 1
}
skip() { # WHY
	echo "$*" >"$work/skipped"
	exit 77
}

# What the emulator does wrong was asked of it before the first case, without nestor, and has a name
# (guest/emulator-faults.c says of each what it is and how it is asked). A case sets aside what that fault
# spoils, by its name, and nothing else; the runner shows it. One that it stops altogether is skipped.
emulator_has() { # FAULT
	if grep -qx "$1 yes" /lab/emulator-faults.answers; then return 0; fi
	grep -qxE "$1 (no|-)" /lab/emulator-faults.answers ||
		fail "emulator-faults gave no answer to $1: $(cat /lab/emulator-faults.answers)"
	return 1
}
set_aside() { # FAULT WHAT
	echo "$1 ($2)" >>"$work/aside"
}

# The kernel and initramfs of the default guest; cases may change them.
use_kernel() { # 6.12 | 6.1 | generic | 686
	case $1 in
	generic)
		kernel=/lab/kernels/generic-6.1/vmlinuz
		initrd=/lab/guest-none.cpio
		;;
	686)
		kernel=/lab/kernels/686-6.1/vmlinuz
		initrd=/lab/guest-686.cpio
		;;
	*)
		kernel=/lab/kernels/cloud-$1/vmlinuz
		initrd=/lab/guest-$1.cpio
		;;
	esac
}
use_kernel 6.12

# A Linux guest's command line that runs lab/guest/do/SCRIPT, or a shell.
cmdline() { # SCRIPT|shell [WORD]...
	if [ "$1" = shell ]; then
		set -- lab.shell "$@"
	else
		set -- "lab.run=/lab/do/$1" "$@"
	fi
	echo "console=ttyS0 quiet mitigations=off nokaslr lab.name=guest $*"
}

# Starts nestor in the background; its stdin is open for vm_send.
vm_start() { # ARGUMENTS OF nestor run
	echo "nestor run $*" >>"$work/commands"
	rm -f "$work/stdin"
	mkfifo "$work/stdin"
	: >"$work/raw"
	: >"$messages"
	# Opened for both directions, so that neither end waits for the other.
	exec 9<>"$work/stdin"
	/lab/interruptible "$nestor" run "$@" <"$work/stdin" >"$work/raw" 2>"$messages" 9>&- &
	vm_pid=$!
	status=
}

# Waits until nestor ends by itself.
vm_wait() { # SECONDS
	vm_deadline=$(($(seconds) + $1))
	while kill -0 "$vm_pid" 2>/dev/null && ! vm_is_zombie; do
		if [ "$(seconds)" -ge "$vm_deadline" ]; then
			show_threads
			kill -KILL "$vm_pid"
			fail "nestor should have ended within $1 s and did not"
		fi
		sleep 0.1
	done
	wait "$vm_pid"
	status=$?
	exec 9>&-
	tr -d '\r' <"$work/raw" >"$console"
}
vm_is_zombie() { grep -q '^State:.Z' "/proc/$vm_pid/status" 2>/dev/null; }
seconds() { cut -d. -f1 /proc/uptime; }

# Runs nestor to its end.
vm() { # ARGUMENTS OF nestor run
	vm_start "$@"
	vm_wait "$patience"
}

# The same for the default kernel and initramfs.
linux_start() { # COMMAND-LINE [ARGUMENTS OF nestor run]
	linux_cmdline=$1
	shift
	vm_start --kernel "$kernel" --initrd "$initrd" --append "$linux_cmdline" --memory 192M "$@"
}
linux() { # COMMAND-LINE [ARGUMENTS OF nestor run]
	linux_start "$@"
	vm_wait "$patience"
}

vm_send() { echo "$*" >&9; }
vm_signal() { kill "-$1" "$vm_pid"; }

# Waits until the running guest's console, from its start, has a line that
# matches.
vm_expect() { # REGEX [SECONDS]
	vm_deadline=$(($(seconds) + ${2:-$patience}))
	while ! tr -d '\r' <"$work/raw" | grep -qaE -e "$1"; do
		if vm_is_zombie || ! kill -0 "$vm_pid" 2>/dev/null; then
			wait "$vm_pid"
			fail "nestor ended with status $? before the console said: $1"
		fi
		if [ "$(seconds)" -ge "$vm_deadline" ]; then
			show_threads
			kill -KILL "$vm_pid"
			fail "the console should have said within ${2:-$patience} s: $1"
		fi
		sleep 0.1
	done
}

# Stops by force: the first interrupt asks, the second insists.
vm_interrupt_twice() {
	vm_signal INT
	sleep 1
	vm_signal INT
	vm_wait "$patience"
}

expect_status() { # NUMBER
	[ "$status" -eq "$1" ] || fail "nestor should have ended with status $1 and ended with $status"
}
expect_console() { # REGEX
	grep -qaE -e "$1" "$console" || fail "the console should have said: $1"
}
expect_no_console() { # REGEX
	! grep -qaE -e "$1" "$console" || fail "the console should not have said: $1"
}
expect_messages() { # REGEX
	grep -qaiE -e "$1" "$messages" || fail "nestor's messages should have said: $1"
}

# Saves what the guest sent between -----BEGIN NAME----- and -----END NAME-----
# for the host: NAME in the case's output directory.
save_from_console() { # NAME
	expect_console "^-----END $1-----"
	sed -n "/^-----BEGIN $1-----/,/^-----END $1-----/p" "$console" | grep -v '^-----' |
		base64 -d >"$out/$1" || fail "the console's $1 is not base64"
}
