/* SPDX-License-Identifier: MIT */
/* Routes keyboard and mouse events: the handler activated last for a kind gets them. */
#include "tenon/input.h"

#include "clock/owned.h"

typedef struct InputHandler {
    const TnInputHandler *table;
    void *opaque;
    TnObject *owner;
    bool pending; /* has seen events since the last TN_INPUT_SYNC */
} InputHandler;

static GQueue input_handlers = G_QUEUE_INIT; /* the active ones first */

static GList *input_find(void *opaque)
{
    for (GList *l = input_handlers.head; l; l = l->next) {
        if (((InputHandler *)l->data)->opaque == opaque) {
            return l;
        }
    }
    return NULL;
}

static void input_owner_ended(void *opaque)
{
    tn_input_remove_handler(opaque);
}

void tn_input_add_handler(TnObject *owner, const TnInputHandler *handler, void *opaque)
{
    g_return_if_fail(handler && handler->event && !input_find(opaque));
    InputHandler *added = g_new0(InputHandler, 1);
    *added = (InputHandler){ .table = handler, .opaque = opaque, .owner = owner };
    g_queue_push_head(&input_handlers, added);
    tn_owned_add(owner, opaque, input_owner_ended);
}

void tn_input_activate(void *opaque)
{
    GList *l = input_find(opaque);
    if (l) {
        g_queue_unlink(&input_handlers, l);
        g_queue_push_head_link(&input_handlers, l);
    }
}

void tn_input_remove_handler(void *opaque)
{
    GList *l = input_find(opaque);
    if (l) {
        g_free(l->data);
        g_queue_delete_link(&input_handlers, l);
    }
}

/* A sync goes to every handler that got something since the last one. */
static void input_sync(const TnInputEvent *event)
{
    for (GList *l = input_handlers.head; l; l = l->next) {
        InputHandler *handler = l->data;
        if (handler->pending) {
            handler->pending = false;
            handler->table->event(handler->opaque, event);
        }
    }
}

void tn_input_send(const TnInputEvent *event)
{
    if (event->kind == TN_INPUT_SYNC) {
        input_sync(event);
        return;
    }
    for (GList *l = input_handlers.head; l; l = l->next) {
        InputHandler *handler = l->data;
        if (handler->table->kinds & 1u << event->kind) {
            handler->pending = true;
            handler->table->event(handler->opaque, event);
            return;
        }
    }
}
