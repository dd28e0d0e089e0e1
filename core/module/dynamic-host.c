/* SPDX-License-Identifier: MIT */
/*
 * Where this host's dynamic linker would find a library (ld.so(8)): LD_LIBRARY_PATH and the system's
 * directories as dlinfo(3) lists them, the object's own run path, and the names in /etc/ld.so.cache.
 * Nothing is loaded for it.
 */
#include "module/dynamic.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#define CACHE "/etc/ld.so.cache"

static char *in_directory(const char *directory, const char *name)
{
    char *path = g_build_filename(directory, name, NULL);

    if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return path;
    g_free(path);
    return NULL;
}

static char *in_run_path(const char *run_path, const char *name, const char *origin)
{
    g_auto(GStrv) parts = g_strsplit(run_path ? run_path : "", ":", -1);
    char *found = NULL;

    for (char **part = parts; *part && !found; part++) {
        g_autoptr(GString) directory = g_string_new(*part);

        g_string_replace(directory, "${ORIGIN}", origin, 0);
        g_string_replace(directory, "$ORIGIN", origin, 0);
        if (directory->len)
            found = in_directory(directory->str, name);
    }
    return found;
}

/* The search path of this library, which is also where it looks for those of a module. */
static char *in_system(const char *name)
{
    struct link_map *self;
    Dl_serinfo size, *info;
    Dl_info here;
    char *found = NULL;
    void *handle;

    if (!dladdr((void *)tn_dynamic_find_library, &here) ||
        !(handle = dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD)))
        return NULL;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &self) == 0 &&
        dlinfo(handle, RTLD_DI_SERINFOSIZE, &size) == 0) {
        info = g_malloc(size.dls_size);
        dlinfo(handle, RTLD_DI_SERINFOSIZE, info);
        if (dlinfo(handle, RTLD_DI_SERINFO, info) == 0)
            for (unsigned i = 0; i < info->dls_cnt && !found; i++)
                found = in_directory(info->dls_serpath[i].dls_name, name);
        g_free(info);
    }
    dlclose(handle);
    return found;
}

/* The cache holds NUL-terminated names and paths: a path that ends in the name is what is looked for. */
static char *in_cache(const char *name)
{
    g_autofree char *bytes = NULL, *suffix = g_strconcat("/", name, NULL);
    size_t size, length = strlen(suffix) + 1;

    if (!g_file_get_contents(CACHE, &bytes, &size, NULL))
        return NULL;
    for (char *at = bytes; (at = memmem(at, bytes + size - at, suffix, length)); at++) {
        char *start = at;

        while (start > bytes && start[-1])
            start--;
        if (start[0] == '/' && g_file_test(start, G_FILE_TEST_IS_REGULAR))
            return g_strdup(start);
    }
    return NULL;
}

char *tn_dynamic_find_library(const TnDynamic *dynamic, const char *name, const char *origin)
{
    void *loaded = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    char *found;

    if (loaded) {
        dlclose(loaded);
        return g_strdup(name);
    }
    if (strchr(name, '/'))
        return g_file_test(name, G_FILE_TEST_IS_REGULAR) ? g_strdup(name) : NULL;
    found = in_run_path(dynamic->run_path, name, origin);
    if (!found)
        found = in_system(name);
    return found ? found : in_cache(name);
}

bool tn_dynamic_core_has(const TnDynamicSymbol *symbol)
{
    return symbol->version ? dlvsym(RTLD_DEFAULT, symbol->name, symbol->version) != NULL
                           : dlsym(RTLD_DEFAULT, symbol->name) != NULL;
}
