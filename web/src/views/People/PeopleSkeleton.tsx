import "./People.css";

export function PeopleSkeleton() {
  return (
    <div aria-hidden>
      {[50, 38, 60, 44].map((width) => (
        <div key={width} className="person-row">
          <span className="skeleton person-row__circle" />
          <span className="skeleton" style={{ width: `${width}%`, height: "0.9rem" }} />
        </div>
      ))}
    </div>
  );
}
