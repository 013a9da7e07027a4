/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What XDP a device can do, asked of the kernel (netdev generic netlink, Linux 6.3).
 */
#ifndef SLUICE_LOADER_XDP_FEATURES_H
#define SLUICE_LOADER_XDP_FEATURES_H

/* enum netdev_xdp_act of the kernel. */
#define XDP_FEATURE_BASIC (1 << 0)
#define XDP_FEATURE_REDIRECT (1 << 1)
#define XDP_FEATURE_TRANSMIT (1 << 2) /* frames can be redirected to it */
#define XDP_FEATURE_ZEROCOPY (1 << 3)

/* The features of a device. -ENOTSUP: the kernel can not be asked. */
int xdp_features_get(unsigned int ifindex, unsigned long long *features);

#endif
