/**
 * Delta Sampling: carries what an adapter changes in one diffusion model over to another model while it samples. The packages
 * below hold the parts; here is only what concerns them all.
 */
@NullMarked
package org.deltasampling;

import org.jspecify.annotations.NullMarked;
