/** The schema library, under one name: typed decoding that reports every problem with its path. */
export { z } from "zod";
