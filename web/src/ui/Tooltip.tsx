import { Tooltip as Floating, TooltipAnchor, TooltipProvider } from "@ariakit/react";
import type { ReactElement, ReactNode } from "react";

interface TooltipProps {
  text: ReactNode;
  children: ReactElement<Record<string, unknown>>;
}

/** Says more about a control while it is pointed at or has the focus; Escape puts it away. */
export function Tooltip({ text, children }: TooltipProps) {
  return (
    <TooltipProvider timeout={400}>
      <TooltipAnchor render={children} />
      <Floating fixed gutter={6} className="tooltip">
        {text}
      </Floating>
    </TooltipProvider>
  );
}
