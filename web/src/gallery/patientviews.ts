/** The same patience (`patience.ts`) where a test looks for something in a view. */
import { configure } from "@testing-library/dom";
import { PATIENCE } from "./patience.ts";

configure({ asyncUtilTimeout: PATIENCE });
