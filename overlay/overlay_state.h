/* overlay/overlay_state.h - the parts of an overlay; for overlay.c and overlay_look.c only.
 *
 * Life, Threads, Purity: as overlay/overlay.h.
 */
#ifndef GN_OVERLAY_OVERLAY_STATE_H
#define GN_OVERLAY_OVERLAY_STATE_H

#include "overlay/kad/kad.h"
#include "overlay/kad/maintain.h"
#include "overlay/kad/observed.h"
#include "overlay/kad/probe.h"
#include "overlay/kad/publish.h"
#include "overlay/kad/server.h"
#include "overlay/overlay.h"

struct gn_overlay {
    struct gn_kad kad;
    struct gn_maintain maintain;
    struct gn_probe probe;
    struct gn_observed observed;
    struct gn_server *server;
    struct gn_server_view view;
    struct gn_publish_calls publish_calls;
    gn_time_us skew; /* added to the driver's time: how far its clock has jumped back in all */
    bool started;    /* the first step has run: our records on disk are being read */
};

#endif
