/* overlay/kad/server_wait.c - the table of queries that wait for the store. */
#include "overlay/kad/server_state.h"

struct gn_server_wait *gn_server_wait_new(struct gn_server *s, const struct gn_server_ask *ask, gn_time_us now)
{
    uint32_t handle;
    void *object;
    struct gn_server_wait *w;

    if (gn_slab_take(&s->waits, &handle, &object) != GN_OK) {
        return NULL;
    }
    w = (struct gn_server_wait *)object;
    w->ask = *ask;
    w->deadline = gn_time_add(now, GN_SERVER_WAIT_US);
    gn_list_push_back(&s->order, &w->node);
    return w;
}

enum gn_err gn_server_wait_room(struct gn_server *s, struct gn_server_wait *w, size_t len)
{
    if (len > GN_SERVER_COPIES_MAX - s->copies) {
        return GN_E_FULL;
    }
    w->copy = (uint8_t *)gn_alloc_zeroed(s->env->alloc, 1, len);
    if (!w->copy) {
        return GN_E_NO_MEMORY;
    }
    w->copy_len = len;
    s->copies += len;
    return GN_OK;
}

enum gn_err gn_server_wait_ask(struct gn_server *s, struct gn_outbox *box, struct gn_server_wait *w,
                               enum gn_server_wait_state state, struct gn_store_request *request)
{
    struct gn_effect effect = {.type = GN_FX_STORE};

    s->next_req = (s->next_req + 1U) & GN_REQ_NUMBER_MAX;
    request->req = GN_REQ_MAKE(GN_REQ_SERVER, s->next_req);
    w->req = request->req;
    w->state = state;
    effect.u.store = *request;
    return gn_outbox_push(box, &effect);
}

struct gn_server_wait *gn_server_wait_find(struct gn_server *s, uint32_t req)
{
    GN_LIST_FOR (n, &s->order) {
        struct gn_server_wait *w = GN_CONTAINER_OF(n, struct gn_server_wait, node);

        if (w->req == req && w->state != GN_SERVER_WAIT_LINE) {
            return w;
        }
    }
    return NULL;
}

void gn_server_wait_free(struct gn_server *s, struct gn_server_wait *w)
{
    gn_list_remove(&w->node);
    if (w->copy) {
        s->copies -= w->copy_len;
        gn_alloc_free(s->env->alloc, w->copy);
        w->copy = NULL;
    }
    (void)gn_slab_release(&s->waits, gn_slab_handle(w));
}
