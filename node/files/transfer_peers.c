/* node/files/transfer_peers.c - who may have the content: the link's peers, and what the DHT knows. */
#include <string.h>

#include "base/os_clock.h"
#include "node/files/transfer.h"
#include "overlay/msg/record.h"

void gn_files_transfer_add_peer(struct gn_files_transfer *t, const struct gn_id *id, const struct gn_addr *addrs,
                                size_t addrs_len)
{
    uint32_t number = 0;
    if (!t->fetch || gn_id_eq(id, gn_host_id(t->files->host)))
        return;
    enum gn_err err = gn_fetch_provider_add(t->fetch, &number, id, gn_os_clock_now());
    if (err && err != GN_E_EXISTS)
        return;
    struct gn_transfer_provider *p = &t->providers[number];
    if (!err) { /* the number may have been another's */
        p->addrs_len = 0;
        p->addr_at = 0;
    }
    for (size_t i = 0; i < addrs_len; i++) {
        bool known = !gn_addr_is_usable(&addrs[i]);
        for (size_t j = 0; j < p->addrs_len; j++)
            known = known || gn_addr_eq(&p->addrs[j], &addrs[i]);
        if (!known && p->addrs_len < GN_HOST_ADDRS_MAX)
            p->addrs[p->addrs_len++] = addrs[i];
    }
}

static void on_provider(void *data, const struct gn_op_event *ev)
{
    struct gn_files_transfer *t = data;
    struct gn_record r;
    if (ev->type == GN_OPEV_DONE) {
        t->searching = false;
        gn_files_transfer_pump(t);
        return;
    }
    if (ev->type != GN_OPEV_RECORD || gn_record_decode(&r, ev->record, &t->files->crypto) ||
        r.kind != GN_RECORD_PROVIDER)
        return;
    gn_files_transfer_add_peer(t, &r.owner, r.addrs, r.addrs_len);
    gn_files_transfer_pump(t);
}

void gn_files_transfer_search(struct gn_files_transfer *t)
{
    struct gn_command command = {.type = GN_CMD_GET_PROVIDERS, .target = t->link.root};
    for (size_t i = 0; i < t->link.peers_len; i++)
        gn_files_transfer_add_peer(t, &t->link.peers[i].id, &t->link.peers[i].addr, 1);
    if (t->searching)
        return;
    enum gn_err err = gn_files_op(t->files, &command, on_provider, t);
    t->searching = !err;
    if (err)
        GN_LOG(t->files->log, GN_LOG_DEBUG, "files.search.failed", GN_F_ERR("err", err));
}
