/* SPDX-License-Identifier: MIT */
/* Wires, named lines of devices, the ISA bus. */
#include "tenon/irq.h"
#include "tenon/isa.h"

static GString *seen;

static void sink(void *opaque, unsigned line, int level)
{
    g_string_append_printf(seen, "%s%u=%d ", (const char *)opaque, line, level);
}

static void input(void *state, unsigned line, int level)
{
    g_string_append_printf(seen, "in%u=%d(%d) ", line, level, *(int *)state);
}

static void intercept(void *opaque, const char *group, unsigned n, int level)
{
    g_string_append_printf(seen, "[%s%u=%d] ", group ? group : "", n, level);
}

static bool sink_waiting(void *opaque, unsigned line)
{
    return line == 3;
}

static bool input_waiting(void *state, unsigned line)
{
    return line == 1 && *(int *)state == 42;
}

static bool box_init(TnObject *obj, void *state, GError **error)
{
    *(int *)state = 42;
    tn_irq_declare_in(obj, NULL, input, 2);
    tn_irq_declare_waiting(obj, NULL, input_waiting);
    tn_irq_declare_out(obj, "out", 2);
    return true;
}

static const TnTypeInfo box_type = {
    .size = sizeof(TnTypeInfo),
    .name = "test-box",
    .parent = TN_TYPE_DEVICE,
    .state_size = sizeof(int),
    .init = box_init,
};

static void test_wires(void)
{
    seen = g_string_new(NULL);
    TnIrq *a = tn_irq_new(NULL, sink, "a", 3), *b = tn_irq_new(NULL, sink, "b", 4);
    tn_irq_pulse(tn_irq_split(NULL, a, tn_irq_invert(NULL, b)));
    g_assert_cmpstr(seen->str, ==, "a3=1 b4=0 a3=0 b4=1 ");
    tn_irq_raise(NULL);
}

static void test_lines(void)
{
    seen = g_string_new(NULL);
    TnObject *box = tn_object_new("test-box", NULL);
    TnIrq *a = tn_irq_new(box, sink, "a", 0);
    tn_irq_raise(tn_irq_in(box, NULL, 1));
    g_assert_null(tn_irq_in(box, NULL, 2));
    g_assert_null(tn_irq_in(box, "none", 0));
    tn_irq_out(box, "out", 1, 1);
    tn_irq_connect(box, "out", 1, a);
    tn_irq_out(box, "out", 1, 1);
    g_assert_true(tn_irq_intercept_out(box, "out", intercept, NULL));
    g_assert_true(tn_irq_intercept_in(box, NULL, intercept, NULL));
    g_assert_false(tn_irq_intercept_in(box, "out", intercept, NULL));
    tn_irq_out(box, "out", 1, 0);
    tn_irq_lower(tn_irq_in(box, NULL, 1));
    g_assert_cmpstr(seen->str, ==, "in1=1(42) a0=1 [out1=0] a0=0 [1=0] in1=0(42) ");
    tn_object_unref(box);
}

static void test_waiting(void)
{
    TnIrq *a = tn_irq_new(NULL, sink, "a", 3), *b = tn_irq_new(NULL, sink, "b", 4);
    g_assert_false(tn_irq_waiting(NULL));
    g_assert_false(tn_irq_waiting(a));
    tn_irq_set_waiting(a, sink_waiting);
    tn_irq_set_waiting(b, sink_waiting);
    g_assert_true(tn_irq_waiting(a));
    g_assert_false(tn_irq_waiting(tn_irq_invert(NULL, b)));
    g_assert_true(tn_irq_waiting(tn_irq_invert(NULL, a)));
    g_assert_true(tn_irq_waiting(tn_irq_split(NULL, b, a)));
    TnObject *box = tn_object_new("test-box", NULL);
    g_assert_false(tn_irq_out_waiting(box, "out", 0));
    tn_irq_connect(box, "out", 0, tn_irq_in(box, NULL, 0));
    tn_irq_connect(box, "out", 1, tn_irq_in(box, NULL, 1));
    g_assert_false(tn_irq_out_waiting(box, "out", 0));
    g_assert_true(tn_irq_out_waiting(box, "out", 1));
    tn_object_unref(box);
}

static void test_isa(void)
{
    seen = g_string_new(NULL);
    TnObject *bus = tn_isa_bus_new(tn_object_root(), "isa.0", tn_system_memory(), tn_system_io(),
                                   NULL);
    TnIrq *lines[16] = { NULL };
    g_assert_true(tn_isa_bus() == bus);
    TnIrq *four = tn_isa_irq(bus, 4);
    tn_irq_raise(four);
    lines[4] = tn_irq_new(NULL, sink, "pic", 4);
    tn_isa_bus_set_irqs(bus, lines);
    tn_irq_raise(four);
    g_assert_cmpstr(seen->str, ==, "pic4=1 ");
    g_assert_null(tn_isa_irq(bus, 16));
    g_assert_null(tn_isa_dma(bus, 2));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(tn_type_register(&box_type, NULL));
    g_test_add_func("/irq/wires-split-and-invert", test_wires);
    g_test_add_func("/irq/edges-wait-for-the-processor", test_waiting);
    g_test_add_func("/irq/devices-have-named-lines", test_lines);
    g_test_add_func("/isa/lines-work-before-they-are-wired", test_isa);
    return g_test_run();
}
