/* SPDX-License-Identifier: MIT */
/*
 * The option table. Names, arguments and groups are those that QEMU's manual documents; the order
 * of the rows is the order of -h.
 */
#include "option/table.h"

#include <string.h>

#include "clock/runstate-internal.h"
#include "option/parse.h"

/* ---- Handlers of one line or two --------------------------------------------------------- */

static bool is_help(const char *value)
{
    return strcmp(value, "help") == 0 || strcmp(value, "?") == 0;
}

static bool option_help(TnSettings *s, const char *value, GError **error)
{
    return tn_option_request_help(s, "h", NULL);
}

static bool option_version(TnSettings *s, const char *value, GError **error)
{
    return tn_option_request_help(s, "version", NULL);
}

static bool option_target(TnSettings *s, const char *value, GError **error)
{
    if (is_help(value))
        return tn_option_request_help(s, "target", NULL);
    tn_option_set_text(&s->target, value);
    return true;
}

/* The part of "X,help" before the comma; NULL when `value` does not end so. */
static char *asks_about(const char *value)
{
    return g_str_has_suffix(value, ",help") ? g_strndup(value, strlen(value) - strlen(",help"))
                                            : NULL;
}

static bool option_cpu(TnSettings *s, const char *value, GError **error)
{
    g_autofree char *about = asks_about(value);

    if (is_help(value) || about)
        return tn_option_request_help(s, "cpu", about);
    tn_option_set_text(&s->cpu, value);
    return true;
}

static bool option_smp(TnSettings *s, const char *value, GError **error)
{
    TnKeyVals *kv = tn_keyvals_parse(value, "cpus", error);

    if (!kv)
        return false;
    tn_keyvals_free(s->smp);
    s->smp = kv;
    return true;
}

static bool option_enable_kvm(TnSettings *s, const char *value, GError **error)
{
    tn_settings_add_accels(s, "kvm", NULL);
    return true;
}

static bool option_kernel(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->kernel, value);
    return true;
}

static bool option_initrd(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->initrd, value);
    return true;
}

static bool option_append(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->append, value);
    return true;
}

static bool option_dtb(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->dtb, value);
    return true;
}

static bool option_bios(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->bios, value);
    return true;
}

static bool option_directory(TnSettings *s, const char *value, GError **error)
{
    if (is_help(value))
        return tn_option_request_help(s, "L", NULL);
    g_ptr_array_add(s->firmware_directories, g_strdup(value));
    return true;
}

static bool option_device(TnSettings *s, const char *value, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, "driver", error);

    if (!kv)
        return false;
    if (kv->help)
        return tn_option_request_help(s, "device", tn_keyvals_get(kv, "driver"));
    if (!tn_keyvals_get(kv, "driver")) {
        tn_keyvals_error(kv, NULL, error, "the name of a device is missing (-device help lists "
                         "them)");
        return false;
    }
    g_ptr_array_add(s->devices, g_steal_pointer(&kv));
    return true;
}

static bool option_object(TnSettings *s, const char *value, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, "qom-type", error);

    if (!kv)
        return false;
    if (kv->help)
        return tn_option_request_help(s, "object", tn_keyvals_get(kv, "qom-type"));
    if (!tn_keyvals_get(kv, "qom-type")) {
        tn_keyvals_error(kv, NULL, error, "the type of an object is missing (-object help lists "
                         "them)");
        return false;
    }
    g_ptr_array_add(s->objects, g_steal_pointer(&kv));
    return true;
}

static bool option_numa(TnSettings *s, const char *value, GError **error)
{
    TnKeyVals *kv = tn_keyvals_parse(value, "type", error);

    if (kv)
        g_ptr_array_add(s->numa, kv);
    return kv != NULL;
}

static bool option_chardev(TnSettings *s, const char *value, GError **error)
{
    g_autofree char *about = asks_about(value);

    if (is_help(value) || about)
        return tn_option_request_help(s, "chardev", about);
    g_ptr_array_add(s->chardevs, g_strdup(value));
    return true;
}

static bool option_serial(TnSettings *s, const char *value, GError **error)
{
    g_ptr_array_add(s->serials, g_strdup(value));
    return true;
}

static bool option_parallel(TnSettings *s, const char *value, GError **error)
{
    g_ptr_array_add(s->parallels, g_strdup(value));
    return true;
}

static bool option_debugcon(TnSettings *s, const char *value, GError **error)
{
    g_ptr_array_add(s->debugcons, g_strdup(value));
    return true;
}

/* A value that must be "none" because nothing else is there yet. */
static bool only_none(const char *value, const char *what, GError **error)
{
    if (strcmp(value, "none") == 0)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                "%s are not supported yet: only 'none' is valid", what);
    return false;
}

static bool option_monitor(TnSettings *s, const char *value, GError **error)
{
    return only_none(value, "monitors", error);
}

static bool option_display(TnSettings *s, const char *value, GError **error)
{
    if (is_help(value))
        return tn_option_request_help(s, "display", NULL);
    s->display_none = only_none(value, "displays", error);
    return s->display_none;
}

static bool option_vga(TnSettings *s, const char *value, GError **error)
{
    if (!only_none(value, "graphics cards", error))
        return false;
    tn_option_set_text(&s->vga, value);
    return true;
}

static bool option_net(TnSettings *s, const char *value, GError **error)
{
    return only_none(value, "networks", error);
}

static bool option_nographic(TnSettings *s, const char *value, GError **error)
{
    s->nographic = true;
    return true;
}

static bool option_nodefaults(TnSettings *s, const char *value, GError **error)
{
    s->no_defaults = true;
    return true;
}

static bool option_no_user_config(TnSettings *s, const char *value, GError **error)
{
    return true; /* there is no configuration file that is read without being asked for */
}

static bool option_no_reboot(TnSettings *s, const char *value, GError **error)
{
    return tn_action_set("reboot", "shutdown", error);
}

static bool option_no_shutdown(TnSettings *s, const char *value, GError **error)
{
    return tn_action_set("shutdown", "pause", error);
}

static bool option_action(TnSettings *s, const char *value, GError **error)
{
    g_autoptr(TnKeyVals) kv = tn_keyvals_parse(value, NULL, error);

    for (unsigned i = 0; kv && i < kv->items->len; i++) {
        const TnKeyVal *item = kv->items->pdata[i];

        if (!tn_action_set(item->key, item->value, error)) {
            tn_keyvals_mark(kv, item, error);
            return false;
        }
    }
    return kv != NULL;
}

static bool option_paused(TnSettings *s, const char *value, GError **error)
{
    s->paused = true;
    return true;
}

static bool option_log(TnSettings *s, const char *value, GError **error)
{
    if (is_help(value))
        return tn_option_request_help(s, "d", NULL);
    tn_option_set_text(&s->log_items, value);
    return true;
}

static bool option_log_file(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->log_file, value);
    return true;
}

static bool option_log_filter(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->log_filter, value);
    return true;
}

static bool option_qtest(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->qtest, value);
    return true;
}

static bool option_qtest_log(TnSettings *s, const char *value, GError **error)
{
    tn_option_set_text(&s->qtest_log, value);
    return true;
}

/* ---- The table -------------------------------------------------------------------------- */

#define HEADING(text_) { .help = text_ }
#define OPTION(name_, argument_, handle_, help_) { name_, argument_, help_, handle_ }
#define SAME_AS(name_, argument_, handle_) { name_, argument_, NULL, handle_ }

const TnOption tn_option_table[] = {
    HEADING("Standard options"),
    OPTION("h", NULL, option_help, "display this help and exit"),
    SAME_AS("help", NULL, option_help),
    OPTION("version", NULL, option_version, "display version information and exit"),
    OPTION("target", "name", option_target,
           "selects the guest's architecture ('-target help' for list);\n"
           "without it, the program's name does: tenon-system-NAME"),
    OPTION("machine", "[type=]name[,prop[=value][,...]]", tn_option_machine,
           "selects emulated machine ('-machine help' for list)\n"
           "accel=accel1[:accel2[:...]] selects accelerators, tried in order\n"
           "kernel=, initrd=, append=, dtb=, firmware= as the options of the same names\n"
           "'-machine NAME,help' lists the properties of a machine"),
    SAME_AS("M", "[type=]name[,prop[=value][,...]]", tn_option_machine),
    OPTION("cpu", "model[,+feature][,-feature][,feature=on|off]", option_cpu,
           "selects CPU ('-cpu help' for list)"),
    OPTION("accel", "[accel=]accelerator[:accelerator...][,prop[=value][,...]]", tn_option_accel,
           "selects accelerator ('-accel help' for list); given more than once,\n"
           "the first that can be used is taken"),
    OPTION("enable-kvm", NULL, option_enable_kvm, "the same as -accel kvm"),
    OPTION("smp",
           "[[cpus=]n][,maxcpus=n][,sockets=n][,dies=n][,clusters=n][,cores=n][,threads=n]",
           option_smp,
           "sets the number of initial CPUs to 'n' [default=1]\n"
           "maxcpus= maximum number of CPUs, including those to be plugged later\n"
           "sockets= number of sockets on the board\n"
           "dies= number of dies in one socket\n"
           "clusters= number of clusters in one die\n"
           "cores= number of cores in one cluster\n"
           "threads= number of threads in one core"),
    OPTION("numa",
           "node[,mem=size][,memdev=id][,cpus=first[-last]][,nodeid=node]", option_numa,
           "makes a NUMA node and gives it RAM and CPUs\n"
           "-numa dist,src=source,dst=destination,val=distance sets a distance\n"
           "-numa cpu,node-id=node[,socket-id=x][,die-id=w][,core-id=y][,thread-id=z]\n"
           "gives a node CPUs by their place in the topology"),
    OPTION("m", "[size=]megs[,slots=n,maxmem=size]", tn_option_memory,
           "configures guest RAM; a size has an optional suffix (M without)"),
    OPTION("boot",
           "[order=drives][,once=drives][,menu=on|off][,splash=file][,splash-time=ms]"
           "[,reboot-timeout=ms][,strict=on|off]",
           tn_option_boot,
           "'drives': floppy (a), hard disk (c), CD-ROM (d), network (n)\n"
           "'splash': the file of the logo, shown when menu=on\n"
           "'splash-time': how long the logo is shown, in ms\n"
           "'reboot-timeout': time before the guest reboots when booting failed, in ms;\n"
           "-1 means never"),
    OPTION("device", "driver[,prop[=value][,...]]", option_device,
           "adds a device (based on driver); prop=value sets driver properties\n"
           "'-device help' lists drivers, '-device driver,help' lists properties"),
    OPTION("object", "type,id=id[,prop=value][,...]", option_object,
           "makes an object, such as a memory back end, for others to use by its id\n"
           "'-object help' lists types, '-object type,help' lists properties"),
    OPTION("global", "driver.property=value", tn_option_global,
           "sets a default for a property of a driver; also as\n"
           "driver=driver,property=property,value=value"),
    OPTION("name", "[guest=]string[,process=name][,debug-threads=on|off]", tn_option_name,
           "sets the name of the guest, and the process name"),
    OPTION("uuid", "uuid", tn_option_uuid, "specifies the machine's UUID"),
    OPTION("module", "dir=path|deny=name|lock[=on|off]|help[,format=text|json]", tn_option_module,
           "dir= looks for modules in a directory first\n"
           "deny= counts a module as there and forbidden\n"
           "lock loads no module after the machine has started\n"
           "help lists modules, with what they provide and why some cannot be used"),

    HEADING("Display options"),
    OPTION("display", "none", option_display, "selects the display ('-display help' for list)"),
    OPTION("nographic", NULL, option_nographic,
           "disables graphical output and puts the serial console on the terminal"),
    OPTION("vga", "none", option_vga, "selects the graphics card"),

    HEADING("Network options"),
    OPTION("nic", "none", option_net, "no network card"),
    SAME_AS("net", "none", option_net),

    HEADING("Character device options"),
    OPTION("chardev", "backend,id=id[,mux=on|off][,prop=value][,...]", option_chardev,
           "creates a character device ('-chardev help' for list)"),

    HEADING("Boot Image or Kernel specific"),
    OPTION("bios", "file", option_bios, "sets the file name of the BIOS"),
    OPTION("kernel", "bzImage", option_kernel, "uses 'bzImage' as kernel image"),
    OPTION("append", "cmdline", option_append, "uses 'cmdline' as kernel command line"),
    OPTION("initrd", "file", option_initrd, "uses 'file' as initial ram disk"),
    OPTION("dtb", "file", option_dtb, "uses 'file' as device tree image"),

    HEADING("Debug/Expert options"),
    OPTION("serial", "dev", option_serial,
           "redirects the serial port to the character device 'dev': none, null, stdio,\n"
           "mon:stdio, pty, file:path, chardev:id; may be given up to four times"),
    OPTION("parallel", "dev", option_parallel, "redirects the parallel port to 'dev'"),
    OPTION("debugcon", "dev", option_debugcon, "redirects the debug console (port 0xe9) to 'dev'"),
    OPTION("monitor", "none", option_monitor, "redirects the monitor to 'dev'"),
    OPTION("S", NULL, option_paused, "freezes the CPUs at startup"),
    OPTION("d", "item1,...", option_log,
           "enables logging of specified items ('-d help' for list)"),
    OPTION("D", "logfile", option_log_file, "outputs the log to 'logfile' (default: stderr)"),
    OPTION("dfilter", "range,...", option_log_filter,
           "logs code (-d in_asm,op,op_opt,out_asm,exec,cpu) of some addresses only:\n"
           "FIRST..LAST, START+SIZE, or END-SIZE for the SIZE bytes before END"),
    OPTION("L", "path", option_directory,
           "looks for firmware in a directory first ('-L help' lists them)"),
    OPTION("rtc", "[base=utc|localtime|date][,clock=host|rt|vm][,driftfix=none|slew]",
           tn_option_rtc, "sets the RTC's base and clock, and enables the drift fix"),
    OPTION("nodefaults", NULL, option_nodefaults, "creates no default devices"),
    OPTION("no-user-config", NULL, option_no_user_config, "loads no user-provided config files"),
    OPTION("no-reboot", NULL, option_no_reboot, "exits instead of rebooting"),
    OPTION("no-shutdown", NULL, option_no_shutdown, "stops before shutdown"),
    OPTION("action",
           "[reboot=reset|shutdown][,shutdown=poweroff|pause][,panic=pause|shutdown|"
           "exit-failure|none][,watchdog=action]",
           option_action, "what to do on certain events of the guest"),
    OPTION("qtest", "dev", option_qtest,
           "serves the qtest protocol on a character device; with -accel qtest"),
    OPTION("qtest-log", "file", option_qtest_log, "logs the qtest protocol to a file"),
    { .name = NULL, .help = NULL },
};

const char *const tn_options_unsupported[] = {
    "hda", "hdb", "hdc", "hdd", "fda", "fdb", "cdrom", "drive", "blockdev", "snapshot", "sd",
    "mtdblock", "pflash", "netdev", "virtfs", "fsdev", "virtfs_synth", "usb",
    "usbdevice", "sdl", "gtk", "curses", "vnc", "spice", "full-screen", "alt-grab", "ctrl-grab",
    "no-quit", "k", "g", "rotate", "portrait", "audio", "audiodev", "audio-help", "soundhw",
    "tpmdev",
    "smbios", "acpitable", "mem-path", "mem-prealloc", "add-fd", "set", "fw_cfg", "qmp",
    "qmp-pretty", "mon", "pidfile", "daemonize", "singlestep", "s", "gdb", "trace", "plugin",
    "icount", "watchdog", "watchdog-action", "echr", "loadvm", "incoming", "only-migratable",
    "preconfig", "option-rom", "semihosting", "semihosting-config", "sandbox", "runas", "chroot",
    "readconfig", "writeconfig", "dump-vmstate", "enable-sync-profile", "overcommit", "msg",
    "compat", "win2k-hack", "no-fd-bootchk", "no-acpi", "no-hpet", "shim", "prom-env", "bt",
    "cpu-throttle", "seed", "tb-size", "old-param", "xen-domid", "xen-attach",
    "xen-domid-restrict", "old-monitor", "tdf", "localtime", "startdate", NULL,
};
