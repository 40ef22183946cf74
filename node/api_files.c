/* node/api_files.c - questions about files go to the file service of the node. */
#include "node/node_inside.h"

static struct gn_files *files_of(void *node)
{
    struct gn_node *n = node;
    return n->files;
}

void gn_api_share(void *node, struct gn_api_call *call, const struct gn_api_share *req)
{
    gn_files_api_share(files_of(node), call, req);
}

void gn_api_upload_open(void *node, struct gn_api_call *call, const struct gn_api_share *req)
{
    gn_files_api_upload_open(files_of(node), call, req);
}

void gn_api_upload_write(void *node, struct gn_api_call *call, const struct gn_api_chunk *req)
{
    gn_files_api_upload_write(files_of(node), call, req);
}

void gn_api_upload_commit(void *node, struct gn_api_call *call, const struct gn_api_handle *req)
{
    gn_files_api_upload_commit(files_of(node), call, req);
}

void gn_api_upload_abort(void *node, uint64_t handle)
{
    if (files_of(node)) /* a connection may end after the service has */
        gn_files_api_upload_abort(files_of(node), handle);
}

void gn_api_files(void *node, struct gn_api_call *call)
{
    gn_files_api_files(files_of(node), call);
}

void gn_api_unshare(void *node, struct gn_api_call *call, const struct gn_id *root)
{
    gn_files_api_unshare(files_of(node), call, root);
}

void gn_api_file_open(void *node, struct gn_api_call *call, const struct gn_id *root)
{
    gn_files_api_file_open(files_of(node), call, root);
}

void gn_api_file_read(void *node, struct gn_api_call *call, const struct gn_api_read *req)
{
    gn_files_api_file_read(files_of(node), call, req);
}

void gn_api_file_close(void *node, uint64_t handle)
{
    if (files_of(node))
        gn_files_api_file_close(files_of(node), handle);
}

void gn_api_fetch(void *node, struct gn_api_call *call, const struct gn_api_fetch *req)
{
    gn_files_api_fetch(files_of(node), call, req);
}

void gn_api_transfers(void *node, struct gn_api_call *call)
{
    gn_files_api_transfers(files_of(node), call);
}

void gn_api_transfer_watch(void *node, struct gn_api_call *call, uint64_t id)
{
    gn_files_api_transfer_watch(files_of(node), call, id);
}

void gn_api_transfer_cancel(void *node, struct gn_api_call *call, uint64_t id)
{
    gn_files_api_transfer_cancel(files_of(node), call, id);
}
